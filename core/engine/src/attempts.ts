/**
 * Records and timers one by one, each of which can be undone alone: tried again when it throws, then a dead letter.
 *
 * T2  A record whose processing throws leaves nothing behind but its dead letter; its neighbours are untouched.
 */
import { type ErrorData, errorData, limits } from "@millrace/model"
import type { Poison } from "./batch.ts"
import type { Push, StageContext } from "./context.ts"
import { type DeadLetterCause, deadLetterText } from "./dead-letter.ts"
import type { Outputs } from "./outputs.ts"
import { type StepWatch, isAllBarred } from "./step-watch.ts"

export const noPoison: Poison = new Map()

export class Attempts {
  readonly #context: StageContext
  readonly #outputs: Outputs
  /** After a rollback; only operators after the named one when it is itself at work. */
  readonly #reload: (after: string | undefined) => void
  /** Shows the entry in hand, and in its second place how many timers have had their turn. */
  readonly #shown: Float64Array
  /** Set while records are processed one by one: what must not be processed. */
  careful: Poison | undefined
  /** Set while a partition goes once more through what has brought its worker down. */
  watch: StepWatch | undefined
  /** Of the entry in hand. */
  offset = 0
  /** In this transaction. */
  deadLetters = 0

  constructor(context: StageContext, outputs: Outputs, shown: Float64Array, reload: (after: string | undefined) => void) {
    this.#context = context
    this.#outputs = outputs
    this.#shown = shown
    this.#reload = reload
  }

  /** Runs `run` for a value, again if it throws, until the value becomes a dead letter. */
  attempt(valueOf: () => unknown, key: string, time: number, run: Push, operator: string | undefined): void {
    const { state, effects, late } = this.#context
    for (let attempts = 1; ; attempts++) {
      const undo = state.savepoint()
      const outputs = this.#outputs.mark()
      const decided = effects.length
      const deadLetters = this.deadLetters
      const lateBefore = [...late]
      try {
        run(valueOf(), key, time)
        // What cannot be stored fails here, where it harms only its own record.
        state.check(undo)
        return
      } catch (thrown) {
        state.assertRead()
        state.rollback(undo)
        this.#outputs.rewind(outputs)
        effects.length = decided
        this.deadLetters = deadLetters
        late.clear()
        for (const [name, count] of lateBefore) late.set(name, count)
        this.#reload(operator)
        if (attempts >= limits.attemptsMax) {
          this.deadLetter({ value: valueOf(), key, time, operator: operator ?? this.#context.stage.id, error: userError(thrown), attempts })
          return
        }
      }
    }
  }

  guard(operator: string, value: unknown, key: string, time: number, run: Push): void {
    this.#shown[1] = (this.#shown[1] as number) + 1
    if (this.watch === undefined) return this.#guard(operator, value, key, time, run)
    const barred = this.watch.run(operator, value, key, () => this.#guard(operator, value, key, time, run))
    if (barred === undefined) return
    const offset = this.#shown[0] as number
    this.deadLetter({ value, key, time, operator, ...barred }, offset < 0 ? this.offset : offset)
  }

  #guard(operator: string, value: unknown, key: string, time: number, run: Push): void {
    const careful = this.careful
    if (careful === undefined) {
      run(value, key, time)
      return
    }
    const poisoned = careful.get(this.offset)
    // The record itself is not processed any more and its worker still dies: then what its arrival makes due is to blame.
    if (poisoned !== undefined && isAllBarred(poisoned)) this.deadLetter({ value, key, time, operator, ...poisoned })
    else this.attempt(() => value, key, time, run, operator)
  }

  /** @param offset - of the record in hand, unless it is one that was kept */
  deadLetter(cause: DeadLetterCause, offset: number = this.offset): void {
    this.deadLetters++
    const { stage, partition, now } = this.#context
    const block = this.#outputs.block(stage.deadLetters, partition)
    const text = deadLetterText(cause, stage.input, partition, offset, now)
    const from = block.length
    block.beginRecord(cause.key, now).utf8(text)
    block.endRecord(from)
  }
}

function userError(thrown: unknown): ErrorData {
  const data = errorData(thrown)
  if (data.code !== "MR1404") return data
  const stack = stackOf(thrown)
  return { code: "MR1201", message: data.message, details: stack === undefined ? {} : { stack } }
}

function stackOf(thrown: unknown): string | undefined {
  try {
    return thrown instanceof Error ? thrown.stack : undefined
  } catch {
    return undefined
  }
}
