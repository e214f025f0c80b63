/** What may be said of one call of a task: checked where the call is written, so that a misspelt option is not passed over. */
import { MillraceError } from "./errors.ts"
import { limits } from "./limits.ts"
import { nearNames } from "./near-names.ts"
import type { EnqueueOptions } from "./plan-task.ts"

const known: readonly string[] = ["delay", "priority", "idempotencyKey", "idempotency"] satisfies ReadonlyArray<keyof EnqueueOptions>

/**
 * @param also - further options that are known where it is called
 * @throws MR1101 for an option that means nothing, naming those that do, nearest first; MR1009 for an idempotency key that is none
 */
export function checkEnqueueOptions(task: string, options: EnqueueOptions, also: readonly string[] = []): void {
  if (typeof options !== "object" || options === null) {
    throw new MillraceError("MR1101", `task "${task}", options of a call: expected an object such as { delay: "5m" }.`, { given: options })
  }
  for (const name in options) {
    if (known.includes(name) || also.includes(name)) continue
    const names = nearNames(name.slice(0, limits.nameLengthMax), [...known, ...also])
    throw new MillraceError("MR1101", `task "${task}", options of a call: there is no option ${JSON.stringify(name)}; there are, nearest first: ${names.join(", ")}.`, { given: name, known: names })
  }
  checkIdempotencyKey(options.idempotencyKey)
}

/** @throws MR1009 */
export function checkIdempotencyKey(key: string | undefined): void {
  if (key === undefined || (typeof key === "string" && key !== "" && key.length <= limits.idempotencyKeyLengthMax)) return
  throw new MillraceError("MR1009", `An idempotency key has 1 to ${limits.idempotencyKeyLengthMax} characters.`, { given: String(key).slice(0, 64) })
}
