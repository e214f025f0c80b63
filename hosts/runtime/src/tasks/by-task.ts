/**
 * What belongs to calls of tasks, by service, task and a number: a lease, or a run's. Found without putting a name together, as a busy queue looks
 * some ten times for each run.
 */
import type { Call } from "./attempt-messages.ts"

type Whose = Pick<Call, "service" | "task">

interface OfTask<Value> extends Whose {
  readonly values: Map<number, Value>
}

export class ByTask<Value> {
  /** Few: tasks that had something here. */
  readonly #tasks: OfTask<Value>[] = []
  #recent: OfTask<Value> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get(whose: Whose, number: number): Value | undefined {
    return this.#of(whose)?.values.get(number)
  }

  set(whose: Whose, number: number, value: Value): void {
    let found = this.#of(whose)
    if (found === undefined) {
      found = { service: whose.service, task: whose.task, values: new Map() }
      this.#tasks.push(found)
      this.#recent = found
    }
    const before = found.values.size
    found.values.set(number, value)
    this.#size += found.values.size - before
  }

  delete(whose: Whose, number: number): void {
    if (this.#of(whose)?.values.delete(number) === true) this.#size--
  }

  clear(): void {
    this.#tasks.length = 0
    this.#recent = undefined
    this.#size = 0
  }

  *values(): Iterable<Value> {
    for (const { values } of this.#tasks) yield* values.values()
  }

  #of({ service, task }: Whose): OfTask<Value> | undefined {
    const recent = this.#recent
    if (recent !== undefined && recent.task === task && recent.service === service) return recent
    const found = this.#tasks.find((each) => each.task === task && each.service === service)
    if (found !== undefined) this.#recent = found
    return found
  }
}
