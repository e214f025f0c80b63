import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { test } from "node:test"
import fc from "fast-check"
import { md5 } from "./md5.ts"

function hex(text: string): string {
  return [...md5(text)].map((word) => word.toString(16).padStart(8, "0")).join("")
}

// RFC 1321, appendix A.5.
const suite = {
  "": "d41d8cd98f00b204e9800998ecf8427e",
  a: "0cc175b9c0f1b6a831c399e269772661",
  abc: "900150983cd24fb0d6963f7d28e17f72",
  "message digest": "f96b697d7cb7938d525a2f31aaf161d0",
  abcdefghijklmnopqrstuvwxyz: "c3fcd3d76192e4007dfb496cca67e13b",
  ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789: "d174ab98d277d9f5a5611c2c9f419d9f",
  "12345678901234567890123456789012345678901234567890123456789012345678901234567890":
    "57edf4a22be3c955ac49da2e2107b67a",
}

test("md5 gives the digests of the test suite of RFC 1321", () => {
  for (const [text, digest] of Object.entries(suite)) assert.equal(hex(text), digest, JSON.stringify(text))
})

test("md5 agrees with OpenSSL on any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
      assert.equal(hex(text), createHash("md5").update(text, "utf8").digest("hex"))
    }),
    { numRuns: 500 },
  )
})

test("md5 agrees with OpenSSL at every length around the padding, and after a longer text", () => {
  for (const letter of ["x", "é", "€"]) {
    for (let length = 200; length >= 0; length--) {
      const text = letter.repeat(length)
      assert.equal(hex(text), createHash("md5").update(text, "utf8").digest("hex"), `${length} x ${letter}`)
    }
  }
  const long = "0123456789abcdef".repeat(10_000)
  assert.equal(hex(long), createHash("md5").update(long, "utf8").digest("hex"))
})

test("md5 takes half a surrogate pair for U+FFFD, as UTF-8 does", () => {
  assert.equal(hex("a\ud800b"), hex("a\ufffdb"))
})
