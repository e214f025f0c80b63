/**
 * A match in the making as a condition sees it: one object for all of them, whose fields look records up when they are asked for. So a
 * condition that looks at one record of a long match does not pay for the others. It shows another match in the next call.
 */
import type { PatternStage } from "@millrace/model"
import type { HeldRecords } from "./held-records.ts"
import type { Take } from "./take.ts"

const nothingTaken: object = Object.freeze({})
const noRecords: readonly unknown[] = Object.freeze([])

export class MatchView {
  readonly #view: object
  #last: Take | undefined

  constructor(stages: readonly PatternStage[], held: HeldRecords) {
    const fields: PropertyDescriptorMap = {}
    for (const [i, { name, most, follows }] of stages.entries()) {
      if (follows === "notNext" || follows === "notFollowedBy") continue
      const get = (): unknown => {
        const take = this.#last?.of(i)
        if (most !== 1) return take === undefined ? noRecords : held.listOf(take)
        return take === undefined ? undefined : held.valueOf(take.record)
      }
      fields[name] = { enumerable: true, get }
    }
    this.#view = Object.defineProperties({}, fields)
  }

  /** @param last - what was taken last; undefined: nothing has been */
  of(last: Take | undefined): object {
    this.#last = last
    return last === undefined ? nothingTaken : this.#view
  }
}
