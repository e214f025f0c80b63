/** The headers that say what a body is and how its request is named. */
import { limits, MillraceError } from "@millrace/model"
import type { Encoding } from "./request-body.ts"

/** @throws MR1006 */
export function encodingOf(contentEncoding: string | undefined): Encoding {
  const encoding = contentEncoding?.trim().toLowerCase() ?? "identity"
  if (encoding === "gzip" || encoding === "identity") return encoding
  throw new MillraceError(
    "MR1006",
    `The content encoding ${JSON.stringify(encoding.slice(0, 200))} is not taken; compress with gzip or not at all.`,
    { acceptedEncodings: ["gzip", "identity"] },
  )
}

/** @throws MR1009 */
export function idempotencyKeyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const key = Array.isArray(header) ? header.join(", ") : header
  if (key.length > 0 && key.length <= limits.idempotencyKeyLengthMax) return key
  throw new MillraceError(
    "MR1009",
    `Idempotency-Key has ${key.length} characters; give it 1 to ${limits.idempotencyKeyLengthMax}.`,
    { parameter: "Idempotency-Key" },
  )
}

/** @throws MR1006 for what is not among `accepted` */
export function unsupported(contentType: string | undefined, accepted: readonly string[]): MillraceError {
  const given =
    contentType === undefined
      ? "The request names no content type"
      : `${JSON.stringify(contentType.slice(0, 200))} is not taken`
  return new MillraceError("MR1006", `${given}; send ${accepted.join(", ")}, in UTF-8.`, { accepted })
}
