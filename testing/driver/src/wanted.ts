/**
 * What a scenario gives when nothing disturbs it, and the comparison with what it gives when something does. Compared are what
 * the scenario returns, and the records of every stream and sink, dead letters among them, however they are ordered between keys.
 */
import assert from "node:assert/strict"
import type { Service } from "@millrace/sdk"
import { Catalogue } from "./catalogue.ts"
import { type TestOptions, type TestService, testService } from "./test-service.ts"

/** Sends, ends, advances, and returns what must be the same. */
export type Scenario<T> = (test: TestService) => Promise<T>

export class Wanted<T> {
  readonly returned: T
  /** Transactions of the undisturbed run. */
  readonly transactions: number
  readonly #app: Service | readonly Service[]
  readonly #scenario: Scenario<T>
  readonly #records: ReadonlyMap<string, readonly string[]>

  static async of<T>(app: Service | readonly Service[], scenario: Scenario<T>, options: TestOptions): Promise<Wanted<T>> {
    const test = await testService(app, options)
    return new Wanted(app, scenario, test, await scenario(test))
  }

  private constructor(app: Service | readonly Service[], scenario: Scenario<T>, test: TestService, returned: T) {
    this.#app = app
    this.#scenario = scenario
    this.returned = returned
    this.transactions = test.transactions
    this.#records = recordsOf(app, test)
  }

  /**
   * Runs the scenario again and asserts that what comes of it is the same.
   *
   * @param disturb - is given the service before the scenario begins
   * @param when - tells in the error what was otherwise
   */
  async assertSame(options: TestOptions, disturb: (test: TestService) => void, when: string): Promise<void> {
    const test = await testService(this.#app, options)
    disturb(test)
    const returned = await this.#scenario(test)
    same(returned, this.returned, `the scenario returns something else ${when}`)
    for (const [name, records] of recordsOf(this.#app, test)) {
      same(records, this.#records.get(name), `${JSON.stringify(name)} holds other records ${when}`)
    }
  }
}

function same(actual: unknown, expected: unknown, message: string): void {
  try {
    assert.deepEqual(actual, expected)
  } catch (fault) {
    if (!(fault instanceof assert.AssertionError)) throw fault
    throw new assert.AssertionError({ message: `${message}:\n${fault.message}`, actual, expected, operator: "deepStrictEqual" })
  }
}

/** All that users see, by stream, in an order that does not tell which stage worked first. */
function recordsOf(app: Service | readonly Service[], test: TestService): Map<string, string[]> {
  const catalogue = new Catalogue([app].flat())
  const seen = catalogue.streams.filter(({ role }) => role !== "repartition" && role !== "task")
  return new Map(
    seen.map(({ name, role }) => {
      const records = test.records(name).map(({ value, key, time, partition: at }) => {
        // What has no key is spread by its turn, such as the outputs of a task's runs: where it lies tells who worked first.
        const partition = key === "" ? null : at
        if (catalogue.destinations.has(name)) return JSON.stringify([key, partition, lastingFailure(value)], plainly)
        // The letter's own time is when it was written: a call that a crash cuts off begins again, and gives up later.
        if (role === "dead-letter") return JSON.stringify([key, partition, lasting(value)], plainly)
        return JSON.stringify([key, time, partition, value], plainly)
      })
      return [name, records.toSorted()]
    }),
  )
}

/** Of a dead letter, what must not change: its offset in a stream between stages may. */
function lasting(letter: unknown): unknown {
  const { stream, partition, key, time, value, operator, error, attempts } = letter as Record<string, unknown>
  const { code, message } = error as Record<string, unknown>
  return { stream, partition, key, time, value, operator, code, message, attempts }
}

/** Of what a function could not take, what must not change: a crash makes the wait for the next attempt shorter. */
function lastingFailure(told: unknown): unknown {
  const { timestamp: _, requestContext, ...rest } = told as Record<string, unknown>
  const { requestId: __, ...context } = requestContext as Record<string, unknown>
  return { ...rest, ...context }
}

function plainly(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`
  if (value instanceof Map || value instanceof Set) return [...value]
  return value
}
