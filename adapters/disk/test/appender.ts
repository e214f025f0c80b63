// A process to be killed: appends the commits of history.ts from where the store left off and prints, after each
// acknowledgement, how many are acknowledged.
import fs from "node:fs"
import { appendStep, open } from "./history.ts"

/** A pipe that is full says EAGAIN: it is asked again until it takes the line. */
function say(line: string): void {
  for (;;) {
    try {
      fs.writeSync(1, line)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error
    }
  }
}

const store = await open(process.argv[2] ?? "", Number(process.argv[3] ?? 20_000), Number(process.argv[4] ?? 0))
for (let i = store.durableSequence; ; i++) {
  const sequence = appendStep(store, i)
  if (i % 7 < 4) continue
  await store.durable(sequence)
  say(`${sequence + 1}\n`)
  if (i % 50 === 6) void store.fold()
}
