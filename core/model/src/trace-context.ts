/**
 * W3C Trace Context as it is carried from whoever produces to what comes of that: `traceparent` says which trace and span, `tracestate` what
 * tracing systems of vendors add. Neither is read here beyond its shape; spans are the host's.
 *
 * 1  Without a `traceparent` in its right shape there is no `tracestate` either.
 * 2  A `tracestate` that is carried has at most `limits.traceStateMembersMax` members and `limits.traceStateLengthMax` characters: what is
 *    longer loses whole members, those of more than 128 characters first, then from the end, as the recommendation says.
 */
import { limits } from "./limits.ts"

/** Which trace something belongs to; empty: none. */
export interface TraceFields {
  readonly traceparent?: string
  readonly tracestate?: string
}

const noTrace: TraceFields = {}
const parentShape = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
const memberShape = /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/
/** Members longer than this go first. */
const longMember = 128

/** What is carried on of a trace that came from outside: both fields are anyone's to send. */
export function traceOf(traceparent: unknown, tracestate: unknown): TraceFields {
  if (typeof traceparent !== "string" || !parentShape.test(traceparent)) return noTrace
  const state = tracestate === undefined ? undefined : traceStateOf(tracestate)
  return state === undefined ? { traceparent } : { traceparent, tracestate: state }
}

function traceStateOf(given: unknown): string | undefined {
  if (typeof given !== "string" || given.length > longestRead) return undefined
  let members = given.split(",").map((member) => member.trim()).filter((member) => member !== "")
  if (members.length === 0 || members.length > limits.traceStateMembersMax) return undefined
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf("="))))
  if (keys.size < members.length || !members.every((member) => memberShape.test(member))) return undefined
  const length = (): number => members.reduce((sum, { length: each }) => sum + each + 1, -1)
  while (length() > limits.traceStateLengthMax) {
    const long = members.findLastIndex((member) => member.length > longMember)
    members = members.toSpliced(long < 0 ? members.length - 1 : long, 1)
  }
  return members.length === 0 ? undefined : members.join(",")
}

/** No list in its right shape is longer: members of two texts of 256 characters, with "=", a comma and blanks around. */
const longestRead = limits.traceStateMembersMax * 520
