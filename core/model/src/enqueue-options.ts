/** What may be said of one call of a task: checked where the call is written, so that a misspelt option is not passed over. */
import { MillraceError } from "./errors.ts"
import { limits } from "./limits.ts"
import { assertOptionNames } from "./option-names.ts"
import type { EnqueueOptions } from "./plan-task.ts"

const known: readonly string[] = ["delay", "priority", "idempotencyKey", "idempotency"] satisfies ReadonlyArray<keyof EnqueueOptions>

/**
 * @param also - further options that are known where it is called
 * @throws MR1101 for an option that means nothing, naming those that do, nearest first; MR1009 for an idempotency key that is none
 */
export function checkEnqueueOptions(task: string, options: EnqueueOptions, also: readonly string[] = []): void {
  assertOptionNames(options, [...known, ...also], `task "${task}", options of a call`, '{ delay: "5m" }')
  checkIdempotencyKey(options.idempotencyKey)
}

/** @throws MR1009 */
export function checkIdempotencyKey(key: string | undefined): void {
  if (key === undefined || (typeof key === "string" && key !== "" && key.length <= limits.idempotencyKeyLengthMax)) return
  throw new MillraceError("MR1009", `An idempotency key has 1 to ${limits.idempotencyKeyLengthMax} characters.`, { given: String(key).slice(0, 64) })
}
