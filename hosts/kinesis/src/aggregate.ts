/**
 * Records of the Kinesis Producer Library: many user records in one, each with a key of its own.
 *
 * ```
 * F3 89 9A C2 | AggregatedRecord, as Protocol Buffers | MD5 of the message
 * AggregatedRecord { 1: partition keys, 2: explicit hash keys, 3: Record { 1: index of key, 2: index of hash key, 3: data, 4: tags } }
 * ```
 *
 * After the format's description in awslabs/amazon-kinesis-producer, aggregation-format.md.
 */
import { createHash } from "node:crypto"

export interface UserRecord {
  readonly key: string
  /** A number below 2^128 in decimal. */
  readonly hashKey: string | undefined
  /** A view into the aggregate. */
  readonly data: Uint8Array
}

const magic = Buffer.from([0xf3, 0x89, 0x9a, 0xc2])
const sumLength = 16

/** The user records of an aggregate; undefined for a record that is none. */
export function userRecordsOf(data: Uint8Array): UserRecord[] | undefined {
  if (data.length < magic.length + sumLength || magic.compare(data, 0, magic.length) !== 0) return undefined
  const message = data.subarray(magic.length, -sumLength)
  const sum = createHash("md5").update(message).digest()
  if (sum.compare(data, data.length - sumLength) !== 0) return undefined
  try {
    return parsed(message)
  } catch {
    // The sum is right and the message is not: then it is somebody else's format.
    return undefined
  }
}

function parsed(message: Uint8Array): UserRecord[] {
  const keys: string[] = []
  const hashKeys: string[] = []
  const records: Uint8Array[] = []
  for (const { number, bytes } of fields(message)) {
    if (number === 1) keys.push(textOf(bytes))
    else if (number === 2) hashKeys.push(textOf(bytes))
    else if (number === 3 && bytes !== undefined) records.push(bytes)
  }
  return records.map((record) => {
    let key: string | undefined
    let hashKey: string | undefined
    let data: Uint8Array | undefined
    for (const { number, value, bytes } of fields(record)) {
      if (number === 1) key = keys[value]
      else if (number === 2) hashKey = hashKeys[value]
      else if (number === 3) data = bytes
    }
    if (key === undefined || data === undefined) throw new Error("aggregate: a record without key or data")
    if (hashKey !== undefined && (!/^\d{1,39}$/.test(hashKey) || BigInt(hashKey) >= 1n << 128n))
      throw new Error("aggregate: no hash key")
    return { key, hashKey, data }
  })
}

interface Field {
  readonly number: number
  /** Of a number. */
  readonly value: number
  /** Of bytes. */
  readonly bytes: Uint8Array | undefined
}

function* fields(message: Uint8Array): Generator<Field> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = message[at++]
      if (byte === undefined) throw new Error("aggregate: cut off")
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
    throw new Error("aggregate: a number too long")
  }
  while (at < message.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        yield { number, value: varint(), bytes: undefined }
        break
      case 2: {
        const length = varint()
        if (at + length > message.length) throw new Error("aggregate: cut off")
        yield { number, value: 0, bytes: message.subarray(at, at + length) }
        at += length
        break
      }
      default:
        throw new Error("aggregate: a field of another kind")
    }
  }
}

function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString()
}
