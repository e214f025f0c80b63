// Answers of functions: which mean that all is done, which that a part is, which that nothing is.
import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { utf8Length, verdictOf } from "./verdict.ts"

const batch = ["s1", "s2", "s3"]
const indexOf = (identifier: string): number => batch.indexOf(identifier)
const items = { reportBatchItemFailures: true, hasWindow: false }

test("an empty text, null, {}, [] and an empty or null list of failures mean that all is done", () => {
  for (const answer of ["", "null", '""', "{}", "[]", '{"batchItemFailures":[]}', '{"batchItemFailures":null}']) {
    assert.deepEqual(verdictOf(answer, items, indexOf), { kind: "done" }, answer)
  }
})

test("an identifier that is empty, null, under another name or not of the batch fails the whole batch", () => {
  const failures = [
    '[{"itemIdentifier":""}]',
    '[{"itemIdentifier":null}]',
    '[{"foo":"s1"}]',
    '[{"foo":null}]',
    '[{"itemIdentifier":"s9"}]',
    '[{"itemIdentifier":1}]',
    '[{"itemIdentifier":"s2"},{"itemIdentifier":"s9"}]',
    "[null]",
    '"s1"',
    "{}",
  ]
  for (const failure of failures) {
    assert.deepEqual(verdictOf(`{"batchItemFailures":${failure}}`, items, indexOf), { kind: "failed", error: null }, failure)
  }
  assert.deepEqual(verdictOf('"done"', items, indexOf), { kind: "failed", error: null })
})

test("of several identifiers the lowest sequence number is the checkpoint", () => {
  const answer = '{"batchItemFailures":[{"itemIdentifier":"s3"},{"itemIdentifier":"s2"},{"itemIdentifier":"s3"}]}'
  assert.deepEqual(verdictOf(answer, items, indexOf), { kind: "partial", index: 1 })
})

test("without ReportBatchItemFailures the answer is ignored", () => {
  const rules = { reportBatchItemFailures: false, hasWindow: false }
  assert.deepEqual(verdictOf('{"batchItemFailures":[{"itemIdentifier":"s1"}]}', rules, indexOf), { kind: "done" })
})

test("a window's answer without a state is a failed invocation", () => {
  const rules = { reportBatchItemFailures: false, hasWindow: true }
  for (const answer of ["null", "{}", '{"state":null}', '"x"', ""]) assert.equal(verdictOf(answer, rules, indexOf).kind, "failed", answer)
  assert.deepEqual(verdictOf('{"state":{"a":1}}', rules, indexOf), { kind: "done", state: '{"a":1}' })
})

test("with windows and item failures both are heeded", () => {
  const rules = { reportBatchItemFailures: true, hasWindow: true }
  const answer = '{"state":{},"batchItemFailures":[{"itemIdentifier":"s2"}]}'
  assert.deepEqual(verdictOf(answer, rules, indexOf), { kind: "partial", index: 1, state: "{}" })
})

test("no answer makes it throw", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), fc.boolean(), fc.boolean(), (answer, reportBatchItemFailures, hasWindow) => {
      verdictOf(answer, { reportBatchItemFailures, hasWindow }, indexOf)
      verdictOf(`{"state":{},"batchItemFailures":${answer}}`, { reportBatchItemFailures, hasWindow }, indexOf)
    }),
  )
})

test("the length in UTF-8 is what an encoder makes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      assert.equal(utf8Length(text), Buffer.byteLength(text))
    }),
  )
})

test("a state that is too deep to be carried on is a failed invocation", () => {
  const state = "[".repeat(200_000) + "]".repeat(200_000)
  assert.deepEqual(verdictOf(`{"state":${state}}`, { reportBatchItemFailures: false, hasWindow: true }, indexOf), { kind: "failed", error: null })
})
