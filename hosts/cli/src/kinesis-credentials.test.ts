import assert from "node:assert/strict"
import { test } from "node:test"
import { kinesisCredentialsOf } from "./kinesis-credentials.ts"

test("keys of the Kinesis API come from the environment, and what is none is refused (MR1601)", () => {
  assert.deepEqual(kinesisCredentialsOf({}), {})
  assert.deepEqual(kinesisCredentialsOf({ MILLRACE_KINESIS_CREDENTIALS: "" }), {})
  assert.deepEqual(kinesisCredentialsOf({ MILLRACE_KINESIS_CREDENTIALS: "AKIA1:s/e+c=, AKIA2:t" }), {
    kinesisCredentials: { AKIA1: "s/e+c=", AKIA2: "t" },
  })
  for (const wrong of ["AKIA1", "AKIA1:", ":secret", "AKIA1:s,", "AK IA:s"]) {
    assert.throws(() => kinesisCredentialsOf({ MILLRACE_KINESIS_CREDENTIALS: wrong }), { code: "MR1601" })
  }
})
