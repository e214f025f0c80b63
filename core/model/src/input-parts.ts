/**
 * Many inputs for one task, enqueued in parts: what one request carries is enqueued all or none, a longer list part by part, in order. Clients
 * and the code in the process of a node cut alike, so that both promise the same.
 *
 * Not for: checking inputs; whoever takes a part does.
 *
 * 1. The first part that fails ends it: what is enqueued is always the beginning of the list, up to the beginning of a part.
 * 2. Each part has a key made of the list's one key and its place. As the node refuses a key with another body, a repeat of a list that is
 *    cut otherwise, or has other inputs where some were enqueued before, is refused, and none of them is enqueued twice.
 */
import { type ErrorCode, type ErrorDetails, MillraceError, isMillraceError } from "./errors.ts"
import { limits } from "./limits.ts"

/** Enqueues one part, all or none; resolves to the ids of its runs. `key` names that part; undefined: the list has no key. */
export type EnqueuePart = (texts: readonly string[], key: string | undefined) => Promise<readonly string[]>

/**
 * Enqueues a run for each input; resolves to their ids.
 *
 * @param texts - the inputs as JSON
 * @param key - the idempotency key of the list
 * @throws MR1009 for a key that is too long for the number of inputs; and as a part is refused, then with what was enqueued before
 */
export async function enqueueInParts(task: string, texts: readonly string[], key: string | undefined, enqueue: EnqueuePart): Promise<readonly string[]> {
  const end = partEnd(texts, 0)
  if (end === texts.length) return texts.length === 0 ? [] : enqueue(texts, key)
  const keyLengthMax = limits.idempotencyKeyLengthMax - 1 - String(texts.length).length
  if (key !== undefined && key.length > keyLengthMax) {
    throw new MillraceError("MR1009", `task "${task}": the idempotency key of ${texts.length} inputs has at most ${keyLengthMax} characters, as each part of them has one made of it.`, { most: keyLengthMax })
  }
  const ids: string[] = []
  for (let from = 0; from < texts.length; ) {
    const to = partEnd(texts, from)
    try {
      for (const id of await enqueue(texts.slice(from, to), key === undefined || from === 0 ? key : `${key}+${from}`)) ids.push(id)
    } catch (error) {
      throw isMillraceError(error) && from > 0 ? brokenOff(task, error, { from, count: texts.length, key, ids }) : error
    }
    from = to
  }
  return ids
}

/** Where the part that begins at `from` ends: save for large inputs that hangs on those within it, so that mending one behind it leaves its body as it was. */
function partEnd(texts: readonly string[], from: number): number {
  const last = Math.min(texts.length, from + limits.requestRecordsMax)
  let length = 0
  for (let at = from; at < last; at++) {
    const own = (texts[at] as string).length
    // A character takes three bytes at most; the largest inputs may need a request of their own.
    if (at > from && 3 * (length + own) > limits.requestBytesMax) return at
    length += own + 1
    if (length >= limits.inputsPartLengthMax) return at + 1
  }
  return last
}

/** The node stops, its disk refuses, or nobody has answered: the part may be enqueued or not. */
const unknownEnds: readonly ErrorCode[] = ["MR1401", "MR1303", "MR1602"]

interface Broken {
  readonly from: number
  readonly count: number
  readonly key: string | undefined
  readonly ids: readonly string[]
}

/** What is to be known when a later part fails: which inputs have runs, which input is at fault, and how to go on without a second run of any. */
function brokenOff(task: string, error: MillraceError, { from, count, key, ids }: Broken): MillraceError {
  const rejected = shifted(error.details, from)
  const [first] = rejected
  const why = first === undefined ? error.message : `the first that does not fit is input ${first.index}${first.problem === undefined ? "" : `: ${first.problem.message}`}`
  const isRefused = !unknownEnds.includes(error.code)
  const onward =
    key === undefined
      ? `Call again with the inputs from ${from} on alone${isRefused ? "" : ", those that have no run yet"}`
      : `Call again with all inputs and idempotencyKey ${JSON.stringify(key)}: those before ${from} keep their runs as long as the key is remembered`
  const stop = /[.!?]$/.test(why) ? "" : "."
  const message = `task "${task}": the inputs 0 to ${from - 1} of ${count} are enqueued, ${isRefused ? `the part from ${from} on was not taken` : `of the part from ${from} on that is not known`}: ${why}${stop} ${onward}.`
  const details = { ...error.details, ...(first === undefined ? {} : { rejected }), enqueued: from, ...(key === undefined ? {} : { idempotencyKey: key }) }
  // For who catches it: a million ids are not to be printed, nor kept with the run whose code has thrown it.
  Object.defineProperty(details, "ids", { value: ids })
  return new MillraceError(error.code, message, details, error)
}

interface RejectedInput {
  readonly index: number
  readonly problem?: { readonly message: string }
}

/** Inputs that a part was refused for, with their places in the whole list. */
function shifted({ rejected }: ErrorDetails, from: number): readonly RejectedInput[] {
  if (!Array.isArray(rejected)) return []
  return (rejected as readonly RejectedInput[]).map((each) => ({ ...each, index: each.index + from }))
}
