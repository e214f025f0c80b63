/**
 * Runs a scenario without a crash, then once for each of its transactions with a crash right after it, and compares what
 * came of it: a service is exactly-once when nobody can tell the difference.
 */
import { MillraceError } from "@millrace/model"
import type { Service } from "@millrace/sdk"
import type { TestOptions } from "./test-service.ts"
import { type Scenario, Wanted } from "./wanted.ts"

/** What {@link crashEverywhere} takes besides the options of a test. */
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
  app: Service | readonly Service[],
  scenario: Scenario<T>,
  options: CrashOptions = {},
): Promise<T> {
  const { most = Number.POSITIVE_INFINITY, ...rest } = options
  if (!(most >= 1)) throw new MillraceError("MR1101", `crashEverywhere, most: ${String(most)} is not a number above 0.`, { given: most })
  const wanted = await Wanted.of(app, scenario, rest)
  const { transactions } = wanted
  const crashes = Math.min(transactions, Math.floor(most))
  for (let i = 0; i < crashes; i++) {
    const after = 1 + Math.floor((i * transactions) / crashes)
    await wanted.assertSame(rest, (test) => test.crashAfter(after), `after a crash after transaction ${after} of ${transactions}`)
  }
  return wanted.returned
}
