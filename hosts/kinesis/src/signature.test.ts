// Signatures that are changed, cut or made up: each is refused as AWS refuses it, and none of them makes the check throw otherwise.
import assert from "node:assert/strict"
import { test } from "node:test"
import { KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis"
import fc from "fast-check"
import { KinesisFailure } from "./failure.ts"
import { assertSigned, type SignedRequest } from "./signature.ts"

const secrets = new Map([["AKIDEXAMPLE", "a secret for tests"]])

/** A request as the SDK signs it, and the time at which it did. */
async function signed(): Promise<{ request: SignedRequest; body: Uint8Array; now: number }> {
  let taken: { method: string; path: string; headers: Record<string, string>; body: string } | undefined
  const client = new KinesisClient({
    endpoint: "http://localhost:7070",
    region: "us-east-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret for tests" },
    requestHandler: {
      handle: async (request: typeof taken) => {
        taken = request
        throw new Error("it is not sent")
      },
    } as never,
    maxAttempts: 1,
  })
  await assert.rejects(client.send(new PutRecordCommand({ StreamName: "s", PartitionKey: "k", Data: Buffer.from("x") })), /not sent/)
  const { method, path, headers, body } = taken ?? assert.fail("nothing was sent")
  const date = headers["x-amz-date"] ?? ""
  const now = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"))
  return { request: { method, url: path, headers }, body: Buffer.from(body), now }
}

function refused(request: SignedRequest, body: Uint8Array, now: number): boolean {
  try {
    assertSigned(request, body, secrets, now)
    return false
  } catch (error) {
    assert.ok(error instanceof KinesisFailure, String(error))
    return true
  }
}

test("a signature holds for what it was made over, and for nothing else", async () => {
  const { request, body, now } = await signed()
  assert.equal(refused(request, body, now), false)
  const names = (request.headers["authorization"] as string).match(/SignedHeaders=([^,]+)/)?.[1]?.split(";") ?? []
  assert.ok(names.includes("x-amz-target"))
  const at = fc.nat()
  const change = fc.oneof(
    fc.record({ kind: fc.constant("body" as const), at }),
    fc.record({ kind: fc.constant("header" as const), name: fc.constantFrom(...names) }),
    fc.record({ kind: fc.constant("authorization" as const), at, by: fc.constantFrom("0", "f", "/", ",", "=", ";", " ", "") }),
    fc.record({ kind: fc.constant("time" as const), ms: fc.oneof(fc.integer({ min: 300_001, max: 1e9 }), fc.integer({ min: -1e9, max: -300_001 })) }),
    fc.record({ kind: fc.constant("method" as const) }),
  )
  fc.assert(
    fc.property(change, (each) => {
      const headers: Record<string, string | readonly string[] | undefined> = { ...request.headers }
      let other = body
      if (each.kind === "body") {
        other = Uint8Array.from(body)
        other.fill((other.at(each.at % other.length) ?? 0) ^ 1, each.at % other.length, (each.at % other.length) + 1)
      }
      if (each.kind === "header") headers[each.name] = `${String(headers[each.name])}0`
      if (each.kind === "authorization") {
        const given = headers["authorization"] as string
        const place = each.at % given.length
        headers["authorization"] = given.slice(0, place) + each.by + given.slice(place + 1)
        // What is between the parts is nobody's.
        if (headers["authorization"].replaceAll(/[,\s]+/g, ",") === given.replaceAll(/[,\s]+/g, ",")) return
      }
      const method = each.kind === "method" ? "GET" : request.method
      const ms = each.kind === "time" ? each.ms : 0
      assert.ok(refused({ ...request, method, headers }, other, now + ms), JSON.stringify(each))
    }),
    { numRuns: 2_000 },
  )
})

test("whatever stands in the headers of a signature, it is refused and nothing else is thrown", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("AKIDEXAMPLE/20261121/us-east-1/kinesis/aws4_request", "host", "20261121T000000Z", "00".repeat(32), "UNSIGNED-PAYLOAD"))
  const authorization = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.tuple(text, text, text).map(([credential, names, signature]) => `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`),
  )
  const headers = fc.record({ authorization, "x-amz-date": text, host: text, "x-amz-content-sha256": text }, { requiredKeys: ["authorization"] })
  fc.assert(
    fc.property(headers, fc.webPath(), fc.uint8Array({ maxLength: 20 }), (given, path, body) => {
      assert.ok(refused({ method: "POST", url: `/${path}`, headers: given }, body, Date.UTC(2026, 10, 21)))
    }),
    { numRuns: 2_000 },
  )
})
