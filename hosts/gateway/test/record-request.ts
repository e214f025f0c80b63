/** Requests to the hot route, by fetch and as they go over the wire. */
import type { Problem, ProduceReply } from "@millrace/protocol"
import type { Door } from "./door.ts"

/** Where records go. */
export const records = "/v1/streams/payments/records"

/** One record. */
export const one: string = JSON.stringify({ key: "a", amount: 1 })

/** The first lines of a request to {@link records}. */
export function head(...headers: readonly string[]): string {
  return `POST ${records} HTTP/1.1\r\nHost: localhost\r\n${headers.map((header) => `${header}\r\n`).join("")}\r\n`
}

/** What came back; of the two kinds of answers a test knows which it expects. */
export interface Posted {
  readonly status: number
  readonly headers: Headers
  readonly body: Problem & ProduceReply
}

export async function post(
  door: Door,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  path: string = records,
): Promise<Posted> {
  const response = await fetch(door.url + path, { method: "POST", body, headers })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Posted["body"] }
}
