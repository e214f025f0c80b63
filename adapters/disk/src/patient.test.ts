// Commits that nobody waits for.
import assert from "node:assert/strict"
import { test } from "node:test"
import { commit } from "@millrace/conformance"
import { limits } from "@millrace/model"
import { scratch } from "../test/scratch.ts"
import { openDiskStore } from "./index.ts"

const line = (text: string) => commit([{ stream: "a", partition: 0, lines: [text] }])
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

test("a commit that nobody waits for is written with the next, after a moment, when it is asked for, or as the store closes", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const dir = scratch(t)
  const options = { dir, now: () => 0, onLost: (_: number, reason: Error) => assert.fail(reason) }
  const store = await openDiskStore(options)
  const patient = (text: string): number => store.append({ ...line(text), isPatient: true }).sequence
  const until = async (sequence: number): Promise<void> => {
    while (store.durableSequence <= sequence) await new Promise((resolve) => setImmediate(resolve))
  }
  const first = patient("with the next")
  await turns()
  assert.equal(store.durableSequence, first, "it waits")
  const next = store.append(line("somebody waits"))
  await until(next.sequence)
  const third = patient("after a moment")
  await turns()
  assert.equal(store.durableSequence, third)
  t.mock.timers.tick(limits.patientCommitMsMax)
  await until(third)
  await store.durable(patient("asked for"))
  patient("as it closes")
  await store.close()
  const again = await openDiskStore(options)
  assert.equal(again.extent("a", 0).durable, 5)
  await again.close()
})

test("where a commit counts once it is written, none waits", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] })
  const store = await openDiskStore({ dir: scratch(t), now: () => 0, syncMs: 10, onLost: () => undefined })
  const { sequence } = store.append({ ...line("x"), isPatient: true })
  while (store.durableSequence <= sequence) await new Promise((resolve) => setImmediate(resolve))
  await store.close()
})
