import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { MillraceError, errorData, isMillraceError } from "./errors.ts"
import { enqueueInParts } from "./input-parts.ts"
import { limits } from "./limits.ts"

/** A task as a node has it: takes a part all or none, and refuses a key that came with another body. */
function node(): { readonly runs: string[]; readonly parts: [size: number, key: string | undefined][]; refuses: (text: string) => boolean; enqueue(texts: readonly string[], key: string | undefined): Promise<readonly string[]> } {
  const known = new Map<string, { readonly body: string; readonly ids: readonly string[] }>()
  const runs: string[] = []
  const parts: [number, string | undefined][] = []
  return {
    runs,
    parts,
    refuses: () => false,
    async enqueue(texts, key) {
      parts.push([texts.length, key])
      const rejected = texts.flatMap((each, index) => (this.refuses(each) ? [{ index, problem: { message: `${each.slice(0, 9)} is bad` } }] : []))
      if (rejected.length > 0) throw new MillraceError("MR1023", `task "t": ${rejected.length} do not fit, so none was enqueued.`, { rejected })
      const before = key === undefined ? undefined : known.get(key)
      if (before !== undefined && before.body !== texts.join("\n")) throw new MillraceError("MR1011", "Another body.", {})
      if (before !== undefined) return before.ids
      const ids = texts.map((each) => `t-${runs.push(each) - 1}`)
      if (key !== undefined) known.set(key, { body: texts.join("\n"), ids })
      return ids
    },
  }
}

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i))

async function failing(texts: readonly string[], key: string | undefined, at: ReturnType<typeof node>): Promise<MillraceError> {
  const error = await enqueueInParts("t", texts, key, (part, own) => at.enqueue(part, own)).catch((thrown: unknown) => thrown)
  assert.ok(isMillraceError(error))
  return error
}

test("a list that one request carries is one part under its own key, a longer one several, each under a key of its own", async () => {
  const at = node()
  assert.deepEqual(await enqueueInParts("t", [], "none", (part, key) => at.enqueue(part, key)), [])
  await enqueueInParts("t", many(limits.requestRecordsMax), "k", (part, key) => at.enqueue(part, key))
  const ids = await enqueueInParts("t", many(limits.requestRecordsMax + 1), "l", (part, key) => at.enqueue(part, key))
  assert.deepEqual(at.parts, [[50_000, "k"], [50_000, "l"], [1, "l+50000"]])
  assert.deepEqual([ids.length, new Set(ids).size], [50_001, 50_001])
  const large = "x".repeat(2_000_000)
  await enqueueInParts("t", [large, large, large, large, large], undefined, (part, key) => at.enqueue(part, key))
  const largest = "x".repeat(limits.storedValueBytesMax)
  await enqueueInParts("t", ["1", largest, "2"], undefined, (part, key) => at.enqueue(part, key))
  assert.deepEqual(at.parts.slice(3), [[2, undefined], [2, undefined], [1, undefined], [1, undefined], [1, undefined], [1, undefined]])
})

test("a part that is refused says what is enqueued, the place in the whole list, and how to go on", async () => {
  const at = node()
  at.refuses = (each) => each === "99999"
  const error = await failing(many(100_000), "k", at)
  assert.equal(error.code, "MR1023")
  assert.match(error.message, /^task "t": the inputs 0 to 49999 of 100000 are enqueued, the part from 50000 on was not taken: the first that does not fit is input 99999: 99999 is bad\. Call again with all inputs and idempotencyKey "k": /)
  const { rejected, enqueued, ids, idempotencyKey } = error.details as { rejected: readonly { readonly index: number }[]; enqueued: number; ids: readonly string[]; idempotencyKey: string }
  assert.deepEqual([rejected.map(({ index }) => index), enqueued, ids.length, ids.at(-1), idempotencyKey], [[99_999], 50_000, 50_000, "t-49999", "k"])
  // Who prints or keeps the error does not print or keep them all.
  assert.deepEqual(Object.keys(errorData(error).details), ["rejected", "enqueued", "idempotencyKey"])
  // Mended and called again as it says, each input has one run.
  at.refuses = () => false
  const mended = many(100_000).with(99_999, "mended")
  const all = await enqueueInParts("t", mended, "k", (part, key) => at.enqueue(part, key))
  assert.deepEqual(all.slice(0, 50_000), ids)
  assert.deepEqual(at.runs, mended)
})

test("without a key, only the inputs that have no runs are to be given again", async () => {
  const at = node()
  at.refuses = (each) => each === "50000"
  const error = await failing(many(50_002), undefined, at)
  assert.match(error.message, /input 50000: 50000 is bad\. Call again with the inputs from 50000 on alone\.$/)
  assert.deepEqual([error.details["enqueued"], "idempotencyKey" in error.details], [50_000, false])
})

test("a part of which nobody knows whether it is enqueued is told as that", async () => {
  const lost = (): never => {
    throw new MillraceError("MR1602", "The node was not reached.")
  }
  const at = node()
  const asked = (key: string | undefined) => enqueueInParts("t", many(50_001), key, async (part, own) => (part.length === 1 ? lost() : at.enqueue(part, own)))
  const told = (wanted: string) => (error: unknown) => isMillraceError(error) && error.code === "MR1602" && error.message.includes(`are enqueued, of the part from 50000 on that is not known: The node was not reached. ${wanted}`)
  await assert.rejects(asked("k"), told('Call again with all inputs and idempotencyKey "k": '))
  await assert.rejects(asked(undefined), told("Call again with the inputs from 50000 on alone, those that have no run yet."))
})

test("a first part that is refused is told as it is: nothing is enqueued", async () => {
  const at = node()
  at.refuses = (each) => each === "7"
  const error = await failing(many(50_001), "k", at)
  assert.deepEqual([error.message, Object.keys(error.details), at.runs], ['task "t": 1 do not fit, so none was enqueued.', ["rejected"], []])
})

test("a key that has no room for the keys of its parts is refused before any is enqueued", async () => {
  const at = node()
  const error = await failing(many(50_001), "k".repeat(251), at)
  assert.deepEqual([error.code, at.parts], ["MR1009", []])
  assert.equal((await enqueueInParts("t", many(50_001), "k".repeat(250), (part, key) => at.enqueue(part, key))).length, 50_001)
  assert.ok(at.parts.every(([, key = ""]) => key.length <= limits.idempotencyKeyLengthMax))
})

test("whatever is mended between two calls under one key, no input that was enqueued is enqueued again", async () => {
  const sizes = fc.array(fc.nat({ max: 7 }), { minLength: 2, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat({ max: 11 }), fc.nat({ max: 7 }), async (given, bad, size) => {
      // So large that a few are a part; each is known by how it begins.
      const texts = given.map((each, i) => `${i}:`.padEnd(each * 700_000, "x"))
      const at = node()
      at.refuses = (each) => each.startsWith(`${bad}:`)
      await enqueueInParts("t", texts, "k", (part, key) => at.enqueue(part, key)).catch(() => undefined)
      at.refuses = () => false
      const mended = texts.map((each, i) => (i === bad ? `${i}:`.padEnd(size * 700_000, "y") : each))
      await enqueueInParts("t", mended, "k", (part, key) => at.enqueue(part, key)).catch((error: unknown) => assert.ok(isMillraceError(error) && error.code === "MR1011"))
      const names = at.runs.map((each) => each.split(":")[0])
      assert.equal(new Set(names).size, names.length)
    }),
    { numRuns: 60 },
  )
})
