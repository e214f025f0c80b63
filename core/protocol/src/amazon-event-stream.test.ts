// Framing of event streams; what AWS's own client reads of it: hosts/kinesis/src/subscribe.test.ts, hosts/cli/src/lambda.test.ts.
import assert from "node:assert/strict"
import { test } from "node:test"
import { crc32 } from "node:zlib"
import { AmazonEventStream } from "./amazon-event-stream.ts"

test("a message says how long it is, what it is, and its checksums", () => {
  const bytes = Buffer.from(new AmazonEventStream(crc32).event("PayloadChunk", "a/é", Buffer.from("part")))
  assert.equal(bytes.readUInt32BE(0), bytes.length)
  assert.equal(bytes.readUInt32BE(8), crc32(bytes.subarray(0, 8)))
  assert.equal(bytes.readUInt32BE(bytes.length - 4), crc32(bytes.subarray(0, -4)))
  const headers: Record<string, string> = {}
  const end = 12 + bytes.readUInt32BE(4)
  for (let at = 12; at < end; ) {
    const name = bytes.subarray(at + 1, at + 1 + (bytes[at] ?? 0)).toString()
    at += 1 + name.length
    assert.equal(bytes[at], 7)
    const length = bytes.readUInt16BE(at + 1)
    headers[name] = bytes.subarray(at + 3, at + 3 + length).toString()
    at += 3 + length
  }
  assert.deepEqual(headers, { ":message-type": "event", ":event-type": "PayloadChunk", ":content-type": "a/é" })
  assert.equal(bytes.subarray(end, -4).toString(), "part")
  const exception = Buffer.from(new AmazonEventStream(crc32).exception("Fault", "x", new Uint8Array(0)))
  assert.ok(exception.includes(":exception-type") && !exception.includes(":event-type"))
})
