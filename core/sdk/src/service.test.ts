import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { isService, service, serviceOf, stream } from "./index.ts"

const one = service("one", [])
const two = service("two", [])

function says(message: RegExp): (error: unknown) => boolean {
  return (error) => isMillraceError(error) && error.code === "MR1104" && message.test(error.message)
}

test("a service is recognised, from another copy of the package too", () => {
  assert.ok(isService(one))
  assert.ok(isService({ name: "foreign", [Symbol.for("millrace.service")]: {} }))
  for (const thing of [undefined, null, 7, "service", {}, () => one, stream("x"), new Proxy({}, {})])
    assert.ok(!isService(thing))
})

test("a module's service is its default export, or its only one", () => {
  assert.equal(serviceOf({ default: one, two }, "a.ts"), one)
  assert.equal(serviceOf({ one, again: one, helper: 7 }, "a.ts"), one)
})

test("a module without a service is refused with what to write", () => {
  assert.throws(
    () => serviceOf({}, "a.ts"),
    says(/^a\.ts does not export a service\. End it with: export default service/),
  )
  assert.throws(() => serviceOf({ default: stream("x") }, "a.ts"), says(/does not export a service/))
  assert.throws(() => serviceOf({ one, two }, "a.ts"), says(/exports 2 services \(one, two\) and none as its default/))
})
