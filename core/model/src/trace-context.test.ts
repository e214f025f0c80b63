import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { limits } from "./limits.ts"
import { traceOf } from "./trace-context.ts"

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

test("a trace is carried as it came; without a traceparent in its right shape there is none", () => {
  const tracestate = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,tenant@vendor=a b!"
  assert.deepEqual(traceOf(traceparent, tracestate), { traceparent, tracestate })
  assert.deepEqual(traceOf(traceparent, undefined), { traceparent })
  for (const given of [undefined, 7, "", "00-abc", traceparent.toUpperCase(), `ff${traceparent.slice(2)}`, traceparent.replace(/[0-9a-f]{32}/, "0".repeat(32)), traceparent.replace(/-[0-9a-f]{16}-/, `-${"0".repeat(16)}-`)]) {
    assert.deepEqual(traceOf(given, tracestate), {}, String(given))
  }
})

test("a tracestate that is none is left out, the traceparent goes on", () => {
  const many = Array.from({ length: limits.traceStateMembersMax + 1 }, (_, i) => `k${i}=v`).join(",")
  for (const given of ["", ",", "rojo", "=v", "rojo=", "Rojo=1", "a=1,a=2", "a=b=c", "a=\u00e9", "a=1\nb=2", `${"k".repeat(257)}=v`, `k=${"v".repeat(257)}`, many, "x".repeat(100_000), 7, ["a=1"]]) {
    assert.deepEqual(traceOf(traceparent, given), { traceparent }, String(given).slice(0, 40))
  }
  // Blanks around members, and empty ones, mean nothing.
  assert.deepEqual(traceOf(traceparent, " a=1 ,\t, b=2,").tracestate, "a=1,b=2")
  assert.equal(traceOf(traceparent, many.slice(0, many.lastIndexOf(","))).tracestate?.split(",").length, limits.traceStateMembersMax)
})

test("a tracestate that is too long loses long members first, then those at its end", () => {
  const short = Array.from({ length: 4 }, (_, i) => `s${i}=${"v".repeat(97)}`)
  const long = `long=${"v".repeat(200)}`
  const [first, ...others] = short
  assert.equal(traceOf(traceparent, [first, long, ...others].join(",")).tracestate, short.join(","))
  const more = Array.from({ length: 8 }, (_, i) => `s${i}=${"v".repeat(97)}`)
  assert.equal(traceOf(traceparent, more.join(",")).tracestate, more.slice(0, 5).join(","))
})

test("whatever is given, what is carried is bounded, and is carried on as it is", () => {
  const member = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9]{0,200}$/), fc.stringMatching(/^[!-+]{1,200}$/)).map(([key, value]) => `${key}=${value}`)
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.array(member, { maxLength: 40 }).map((members) => members.join(","))), (given) => {
      const { tracestate } = traceOf(traceparent, given)
      if (tracestate === undefined) return
      assert.ok(tracestate.length > 0 && tracestate.length <= limits.traceStateLengthMax && tracestate.split(",").length <= limits.traceStateMembersMax)
      assert.equal(traceOf(traceparent, tracestate).tracestate, tracestate)
    }),
  )
})
