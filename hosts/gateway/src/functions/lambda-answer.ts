/** Answers of the API of Lambda. */
import type { MountedResponse } from "../mount.ts"

export function json(status: number, body: object, requestId: string): MountedResponse {
  return withBody(status, { "x-amzn-requestid": requestId }, JSON.stringify(body))
}

export function withBody(status: number, headers: Readonly<Record<string, string>>, text: string): MountedResponse {
  const body = Buffer.from(text)
  return { status, headers: { ...headers, "content-type": "application/json", "content-length": String(body.length) }, body }
}

export function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" || value === undefined ? value : value.join(",")
}
