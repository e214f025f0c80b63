import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { createParser } from "eventsource-parser"
import fc from "fast-check"
import { EventStream, type ServerSentEvent } from "./event-stream.ts"
import { eventText, heartbeatText, openingText, positionEvent } from "./event-text.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function read(text: string): ServerSentEvent[] {
  return new EventStream().push(bytes(text))
}

test("an event has a name, data and an id", () => {
  assert.deepEqual(read(eventText("1.2", '{"a":1}')), [{ name: "message", data: '{"a":1}', id: "1.2" }])
  assert.deepEqual(read(eventText("1.2", "{}", "end")), [{ name: "end", data: "{}", id: "1.2" }])
})

test("comments, unknown fields and an event that is not complete are no events", () => {
  assert.deepEqual(read(`${heartbeatText}: data: x\nfoo: bar\n\ndata: half`), [])
})

test("a position without an event is remembered", () => {
  const stream = new EventStream()
  assert.deepEqual(stream.push(bytes(openingText(250, "3.4"))), [])
  assert.equal(stream.id, "3.4")
  assert.equal(stream.retryMs, 250)
  stream.push(bytes(positionEvent("5.6").slice(0, -1)))
  assert.equal(stream.id, "3.4", "an id counts once its event is complete")
  stream.push(bytes("\n"))
  assert.equal(stream.id, "5.6")
})

test("data keeps its line breaks as line feeds", () => {
  assert.deepEqual(
    read(eventText("0", "a\nb\r\nc\rd\n")).map(({ data }) => data),
    ["a\nb\nc\nd\n"],
  )
})

test("a byte order mark is dropped at the start alone", () => {
  assert.deepEqual(
    read("\uFEFFdata: \uFEFFa\n\n\uFEFFdata: b\n\n").map(({ data }) => data),
    ["\uFEFFa"],
  )
})

test("an id with a zero byte is passed over", () => {
  assert.deepEqual(
    read("id: 1\ndata: a\n\nid: 2\u0000\ndata: b\n\n").map(({ id }) => id),
    ["1", "1"],
  )
})

test("an event that never ends is refused, not gathered for ever", () => {
  const stream = new EventStream()
  const part = bytes("x".repeat(1024 * 1024))
  assert.throws(
    () => {
      stream.push(bytes("data: "))
      for (let at = 0; at < 100; at++) stream.push(part)
    },
    (error) => isMillraceError(error) && error.code === "MR1404",
  )
})

const eventArbitrary = fc.record({
  id: fc.stringMatching(/^[0-9.]{1,12}$/),
  data: fc.string({ unit: "grapheme" }),
  name: fc.constantFrom("", "end", "problem"),
})

test("whatever is written is read back, however its bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(eventArbitrary, { maxLength: 6 }),
      fc.array(fc.nat({ max: 400 }), { maxLength: 12 }),
      (events, cuts) => {
        const all = bytes(events.map(({ id, data, name }) => eventText(id, data, name) + heartbeatText).join(""))
        const stream = new EventStream()
        const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).toSorted((a, b) => a - b), all.length]
        const seen = places.slice(1).flatMap((end, at) => stream.push(all.subarray(places[at], end)))
        assert.deepEqual(
          seen,
          events.map(({ id, data, name }) => ({
            id,
            data: data.replaceAll(/\r\n|\r/g, "\n"),
            name: name || "message",
          })),
        )
      },
    ),
  )
})

test("any text is read as eventsource-parser reads it", () => {
  const line = fc.oneof(
    fc.constantFrom(
      "",
      "data",
      "data:",
      "data: x",
      "data:  x",
      "id: 7",
      "id:",
      "event: end",
      "event",
      ": comment",
      "retry: 5",
      "retry: x",
      "foo: bar",
      "data: a: b",
      " data: x",
    ),
    fc.string({ unit: "grapheme", maxLength: 10 }).map((text) => text.replaceAll(/[\r\n\0\uFEFF]/g, "")),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(line, fc.constantFrom("\n", "\r\n"))), (lines) => {
      const text = lines.map(([content, end]) => content + end).join("")
      const expected: ServerSentEvent[] = []
      let last = ""
      const parser = createParser({
        onEvent: ({ event, data, id }) => {
          if (id !== undefined) last = id
          expected.push({ name: event ?? "message", data, id: last })
        },
      })
      parser.feed(text)
      // It tells the id of an event by itself; an id that came without one is known to the specification alone.
      assert.deepEqual(
        read(text).map(({ name, data }) => ({ name, data })),
        expected.map(({ name, data }) => ({ name, data })),
      )
    }),
    { numRuns: 500 },
  )
})
