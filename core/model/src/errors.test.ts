import assert from "node:assert/strict"
import { test } from "node:test"
import {
  type ErrorCode,
  errorData,
  errorFrom,
  errorKind,
  errorTable,
  isMillraceError,
  MillraceError,
} from "./errors.ts"

test("every code is MR and four digits, with a title, an HTTP error status and an advice", () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    assert.match(code, /^MR1\d{3}$/)
    const { title, status, advice } = errorKind(code)
    assert.match(title, /^[A-Z]/)
    assert.ok(status >= 400 && status <= 599, code)
    assert.ok(["fix", "retry", "operate"].includes(advice), code)
  }
})

test("a status that asks for a repeat belongs to an error that a retry may help, and back", () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const { status, advice } = errorKind(code)
    if (status === 429 || status === 503) assert.equal(advice, "retry", code)
    if (advice === "fix")
      assert.ok(status < 500 || code.startsWith("MR12"), `${code}: what the caller must mend is not the server's fault`)
  }
})

test("an error keeps code, sentence, details and cause", () => {
  const cause = new Error("inner")
  const error = new MillraceError("MR1008", 'There is no stream "x".', { stream: "x" }, cause)
  assert.ok(error instanceof Error)
  assert.deepEqual(
    [error.name, error.code, error.message, error.details, error.cause],
    ["MillraceError", "MR1008", 'There is no stream "x".', { stream: "x" }, cause],
  )
  assert.equal(new MillraceError("MR1008", "y").cause, undefined)
  assert.ok(!("cause" in new MillraceError("MR1008", "y")))
})

test("an error crosses a thread as plain data", () => {
  const data = errorData(new MillraceError("MR1013", "too large", { bytes: 9 }))
  assert.deepEqual(structuredClone(data), { code: "MR1013", message: "too large", details: { bytes: 9 } })
  const back = errorFrom(data)
  assert.ok(isMillraceError(back))
  assert.deepEqual(errorData(back), data)
})

test("an error of another copy of the package is recognised by its brand", () => {
  const other = Object.assign(new Error("x"), { code: "MR1001", details: {}, [Symbol.for("millrace.error")]: true })
  assert.ok(isMillraceError(other))
  assert.equal(errorData(other).code, "MR1001")
})

test("anything thrown becomes plain data, whatever it is", () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const spiteful = Object.defineProperty(new Error("x"), "message", {
    get() {
      throw new Error("no message for you")
    },
  })
  const things: unknown[] = [
    undefined,
    null,
    0,
    "text",
    Symbol("s"),
    10n,
    {},
    Object.create(null),
    { toString: () => ({}) },
    proxy,
    spiteful,
    Object.assign(new Error("x"), { message: Symbol("m") }),
  ]
  for (const thing of things) {
    const { code, message, details } = errorData(thing)
    assert.equal(code, "MR1404")
    assert.equal(typeof message, "string")
    assert.deepEqual(details, {})
    assert.equal(isMillraceError(thing), false)
  }
  assert.equal(errorData(new TypeError("bad")).message, "TypeError: bad")
  assert.equal(errorData({ toString: () => ({}) }).message, "Something was thrown that has no text form.")
})

test("what is thrown keeps what it says: an object its fields, a class its name, an aggregate its errors", () => {
  const said = (thing: unknown) => errorData(thing).message
  assert.equal(said({ code: 5, at: { host: "a" } }), '{"code":5,"at":{"host":"a"}}')
  assert.equal(said([{ n: 10n, why: new TypeError("bad") }]), '[{"n":"10","why":"TypeError: bad"}]')
  assert.equal(said({ text: "x".repeat(9_000) }).length, 2_000)
  assert.equal(said(new URL("http://a/b")), "http://a/b")
  const circle: { self?: unknown } = {}
  circle.self = circle
  assert.equal(said(circle), "[object Object]")

  class Busy extends Error {}
  class Named extends Error {
    override name = "TooBusy"
  }
  class Typed extends TypeError {}
  assert.deepEqual([said(new Busy("a")), said(new Named("b")), said(new Typed("c"))], ["Busy: a", "TooBusy: b", "Typed: c"])
  assert.equal(said(Object.assign(new Busy("a"), { name: "Other" })), "Other: a")
  assert.equal(said(new Error("d", { cause: new Busy("e") })), "Error: d; cause: Busy: e")
  assert.equal(said(new (class extends Error {})("f")), "Error: f")
  assert.equal(said(new DOMException("g", "AbortError")), "AbortError: g")

  const two = new AggregateError([new Busy("a"), { code: 5 }], "both failed")
  assert.equal(said(two), 'AggregateError: both failed [Busy: a; {"code":5}]')
  assert.equal(said(new Error("x", { cause: two })), 'Error: x; cause: AggregateError: both failed [Busy: a; {"code":5}]')
  assert.equal(said(new AggregateError(Array.from({ length: 6 }, (_, i) => new Error(String(i))), "all")), "AggregateError: all [Error: 0; Error: 1; Error: 2; Error: 3; 2 more]")
})

test("the causes of an error are told with it, so many of them", () => {
  const refused = Object.assign(new AggregateError([new Error("connect ECONNREFUSED ::1:9"), new Error("connect ECONNREFUSED 127.0.0.1:9")], ""), { code: "ECONNREFUSED" })
  const fetched = new TypeError("fetch failed", { cause: refused })
  assert.equal(errorData(fetched).message, "TypeError: fetch failed; cause: AggregateError: connect ECONNREFUSED ::1:9, connect ECONNREFUSED 127.0.0.1:9")
  assert.equal(errorData(new Error("a", { cause: "b" })).message, "Error: a; cause: b")
  const circle = new Error("round")
  circle.cause = circle
  assert.equal(errorData(circle).message, `Error: round${"; cause: Error: round".repeat(4)}`)
  assert.equal(errorData(new Error("a", { cause: new Error("x".repeat(1_000)) })).message.length, "Error: a; cause: ".length + 500)
  assert.equal(errorData(new Error("a", { cause: Object.create(null) })).code, "MR1404")
})
