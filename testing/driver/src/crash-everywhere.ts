/**
 * Runs a scenario without a crash, then once for each of its transactions with a crash right after it, and compares what
 * came of it: a service is exactly-once when nobody can tell the difference.
 */
import assert from "node:assert/strict"
import { MillraceError } from "@millrace/model"
import { type Service, compile } from "@millrace/sdk"
import { type TestOptions, type TestService, testService } from "./test-service.ts"

export interface CrashOptions extends TestOptions {
  /**
   * The most places at which it crashes, spread evenly.
   *
   * @default after every transaction
   */
  readonly most?: number
}

/**
 * Asserts that a crash at any place changes nothing: neither what `scenario` returns, nor the records of any stream or
 * sink, dead letters among them, however they are ordered between keys.
 *
 * @param scenario - sends, ends, advances, and returns what must be the same
 * @returns what the scenario returned
 * @throws AssertionError that names the crash and shows the difference
 * @example
 * ```ts
 * await crashEverywhere(fraud, async (test) => {
 *   await test.send(payments, history)
 *   await test.end(payments)
 *   return test.values(alerts)
 * })
 * ```
 */
export async function crashEverywhere<T>(
  app: Service,
  scenario: (test: TestService) => Promise<T>,
  options: CrashOptions = {},
): Promise<T> {
  const { most = Number.POSITIVE_INFINITY, ...rest } = options
  if (!(most >= 1)) throw new MillraceError("MR1101", `crashEverywhere, most: ${String(most)} is not a number above 0.`, { given: most })
  const plain = await testService(app, rest)
  const wanted = await scenario(plain)
  const all = outcome(app, plain)
  const { transactions } = plain
  const crashes = Math.min(transactions, Math.floor(most))
  for (let i = 0; i < crashes; i++) {
    const after = 1 + Math.floor((i * transactions) / crashes)
    const test = await testService(app, rest)
    test.crashAfter(after)
    const got = await scenario(test)
    const where = `after a crash after transaction ${after} of ${transactions}`
    same(got, wanted, `the scenario returns something else ${where}`)
    for (const [name, records] of outcome(app, test)) {
      same(records, all.get(name), `${JSON.stringify(name)} holds other records ${where}`)
    }
  }
  return wanted
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
function outcome(app: Service, test: TestService): Map<string, string[]> {
  const { streams } = compile(app).plan
  const seen = streams.filter(({ role }) => role !== "repartition")
  return new Map(
    seen.map(({ name, role }) => {
      const records = test.records(name).map(({ value, key, time, partition }) => {
        return JSON.stringify([key, time, partition, role === "dead-letter" ? lasting(value) : value], plainly)
      })
      return [name, records.toSorted()]
    }),
  )
}

/** Of a dead letter, what a crash must not change: an offset between stages may be another. */
function lasting(letter: unknown): unknown {
  const { stream, partition, key, time, value, operator, error, attempts } = letter as Record<string, unknown>
  const { code, message } = error as Record<string, unknown>
  return { stream, partition, key, time, value, operator, code, message, attempts }
}

function plainly(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`
  if (value instanceof Map || value instanceof Set) return [...value]
  return value
}
