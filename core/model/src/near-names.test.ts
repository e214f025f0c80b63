import assert from "node:assert/strict"
import { test } from "node:test"
import { nearNames } from "./near-names.ts"

test("a name that is mistyped comes behind what was meant", () => {
  const names = ["archive", "freeze-card", "freeze-account", "tell-owner", "x"]
  for (const [typed, meant] of [
    ["freze-card", "freeze-card"],
    ["FreezeAccount", "freeze-account"],
    ["owner-tell", "tell-owner"],
    ["archiv", "archive"],
    ["X", "x"],
  ] as const) {
    assert.equal(nearNames(typed, names)[0], meant, typed)
  }
  // What is near to none leaves them in their order.
  assert.deepEqual(nearNames("€", names), names.toSorted())
})
