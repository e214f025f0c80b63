import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "./errors.ts"
import { assertOptionNames } from "./option-names.ts"

const refused = (message: string) => (error: unknown) => isMillraceError(error) && error.code === "MR1101" && error.message === message

test("a name that means nothing is refused with those that do, nearest first; what is no object is refused", () => {
  const known = ["port", "dataDir", "host"]
  assertOptionNames({}, known, "here")
  assertOptionNames({ host: undefined, port: 1 }, known, "here")
  assert.throws(() => assertOptionNames({ data: "x" }, known, "here"), refused('here: there is no option "data"; there are, nearest first: dataDir, host, port.'))
  for (const given of [undefined, null, "5m", ["host"]]) assert.throws(() => assertOptionNames(given, known, "here"), refused("here: expected an object of port, dataDir, host."))
  assert.throws(() => assertOptionNames(1, known, "here", "{ port: 0 }"), refused("here: expected an object such as { port: 0 }."))
})
