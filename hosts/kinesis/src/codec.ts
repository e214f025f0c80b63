/** The two wire formats: JSON 1.1 and CBOR 1.1, each with AWS's own form of bytes and instants. */
import { type CborTag, decodeCbor, encodeCbor } from "./cbor.ts"
import { serializationFailure } from "./failure.ts"
import type { Scalars } from "./shape.ts"

export interface Codec extends Scalars {
  readonly contentType: string
  /** @throws KinesisFailure SerializationException */
  decode(body: Uint8Array): unknown
  encode(answer: object): Uint8Array
}

/** Bytes are base64, an instant is seconds with a fraction. */
export const jsonCodec: Codec = {
  contentType: "application/x-amz-json-1.1",
  decode(body) {
    if (body.length === 0) return {}
    try {
      return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString())
    } catch {
      throw serializationFailure("The body is not valid JSON.")
    }
  },
  encode: (answer) => Buffer.from(JSON.stringify(answer)),
  bytes(value) {
    if (typeof value !== "string" || value.length % 4 !== 0) return undefined
    const bytes = Buffer.from(value, "base64")
    // Buffer passes over what is no base64: then there are fewer bytes than the text says.
    const padding = value.endsWith("==") ? 2 : value.endsWith("=") ? 1 : 0
    return bytes.length === (value.length / 4) * 3 - padding ? bytes : undefined
  },
  time: (value) => (typeof value === "number" && Math.abs(value) <= 8.64e12 ? Math.round(value * 1000) : undefined),
}

/** Bytes are byte strings, an instant is tag 1 with whole milliseconds: RFC 8949 says seconds; AWS and its SDKs do not. */
export const cborCodec: Codec = {
  contentType: "application/x-amz-cbor-1.1",
  decode(body) {
    if (body.length === 0) return {}
    try {
      return decodeCbor(body)
    } catch {
      throw serializationFailure("The body is not valid CBOR.")
    }
  },
  encode: (answer) => encodeCbor(answer),
  bytes: (value) => (value instanceof Uint8Array ? value : undefined),
  time(value) {
    const given = isTag(value) && value.tag === 1 ? value.value : value
    return typeof given === "number" && Math.abs(given) <= 8.64e15 ? Math.round(given) : undefined
  },
}

function isTag(value: unknown): value is CborTag {
  return typeof value === "object" && value !== null && "tag" in value && "value" in value
}
