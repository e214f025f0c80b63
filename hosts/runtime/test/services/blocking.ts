// Tasks that hold their thread for ever, one of them until its time is over, one that fills its heap, one whose runs only wait, and two whose runs are in their thread until that is gone.
import { existsSync, writeFileSync } from "node:fs"
import { service, task } from "@millrace/sdk"

const wait = async (ms: unknown): Promise<string> => {
  await new Promise((resolve) => setTimeout(resolve, Number(ms)))
  return "done"
}

/** Called again, it is done; a file tells, as its thread remembers nothing. */
const stays = async (file: unknown): Promise<string> => {
  if (existsSync(String(file))) return "done"
  writeFileSync(String(file), "")
  return new Promise(() => undefined)
}

const hasty = task("hasty", { retry: 1, timeout: "2m", run: stays })
const calm = task("calm", { retry: 1, run: stays })
const patient = task("patient", { retry: 1, run: wait })
const blocker = task("blocker", {
  retry: 1,
  timeout: "1s",
  run: (how) => {
    console.log("blocks: %s", how)
    for (;;) Math.random()
  },
})

/** Holds its thread for as long as that lives. */
const holder = task("holder", {
  retry: 1,
  run: (what, ctx) => {
    ctx.log("holds", what)
    for (;;) Math.random()
  },
})

const filler = task("filler", {
  retry: 1,
  run: () => {
    console.warn("fills its heap")
    // eslint-disable-next-line unicorn/no-new-array -- as user code has it
    for (const held: unknown[] = []; ; ) held.push(new Array(10_000).fill({ x: 1 }))
  },
})

export default service("blocking", [hasty, calm, patient, blocker, holder, filler])
