import assert from "node:assert/strict"
import { test } from "node:test"
import { BlockCursor } from "@millrace/model"
import fc from "fast-check"
import { Outputs, type OutputsMark } from "./outputs.ts"

type Step =
  | { readonly kind: "write"; readonly stream: string; readonly partition: number; readonly key: string }
  | { readonly kind: "mark" }
  | { readonly kind: "rewind"; readonly back: number }
  | { readonly kind: "clear" }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      stream: fc.constantFrom("a", "b"),
      partition: fc.nat(2),
      key: fc.string({ maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "mark" as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("rewind" as const), back: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "clear" as const }) },
)

test("outputs rewound to a mark hold what they held, in blocks that were opened since too", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const outputs = new Outputs()
      let model: (readonly [string, string])[] = []
      let marks: { readonly mark: OutputsMark; readonly length: number }[] = []
      for (const each of steps) {
        if (each.kind === "write") {
          outputs.block(each.stream, each.partition).record(each.key, 0, new Uint8Array())
          model.push([`${each.stream} ${each.partition}`, each.key.toWellFormed()])
        } else if (each.kind === "mark") {
          marks.push({ mark: outputs.mark(), length: model.length })
        } else if (each.kind === "clear") {
          outputs.block("a", 0).beginRecord("half", 0)
          outputs.clear()
          model = []
          marks = []
        } else {
          const found = marks.splice(Math.max(0, marks.length - 1 - each.back))[0]
          if (found === undefined) continue
          // Half a record is forgotten as well.
          outputs.block("b", 1).beginRecord("half", 0).utf8("half a va")
          outputs.rewind(found.mark)
          model.length = found.length
        }
      }
      const expected = new Map<string, string[]>()
      for (const [place, key] of model) expected.set(place, [...(expected.get(place) ?? []), key])
      const found = new Map<string, string[]>()
      for (const { stream, partition, count, block } of outputs.take()) {
        const keys: string[] = []
        const cursor = new BlockCursor(block)
        while (cursor.next()) keys.push(cursor.key)
        assert.equal(keys.length, count)
        found.set(`${stream} ${partition}`, keys)
      }
      const inOrder = (all: Map<string, string[]>): (readonly [string, string[]])[] =>
        [...all].toSorted(([a], [b]) => (a < b ? -1 : 1))
      assert.deepEqual(inOrder(found), inOrder(expected))
      assert.deepEqual(outputs.take(), [])
    }),
  )
})
