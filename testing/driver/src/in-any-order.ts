/**
 * Runs a scenario with everything in its turn, then with random batches, turns and memory for a number of seeds, and
 * compares what came of it: what a service gives must not depend on how fast its stages are.
 */
import { MillraceError } from "@millrace/model"
import type { Service } from "@millrace/sdk"
import type { TestOptions } from "./test-service.ts"
import { type Scenario, Wanted } from "./wanted.ts"

/** What {@link inAnyOrder} takes besides the options of a test. */
export interface OrderOptions extends Omit<TestOptions, "seed"> {
  /** How many seeds are tried: 1, 2, 3 and so on. @default 20 */
  readonly seeds?: number
}

/**
 * Asserts that the order of work changes nothing: neither what `scenario` returns, nor the records of any stream or
 * sink, however they are ordered between keys; records without a key may lie in any partition. Not for what depends on arrival by design, such as which records of two
 * upstream partitions are late.
 *
 * @param scenario - sends, ends, advances, and returns what must be the same
 * @returns what the scenario returned
 * @throws AssertionError that names the seed and shows the difference
 * @example `await inAnyOrder(fraud, async (test) => { await test.send(payments, history); await test.end() })`
 */
export async function inAnyOrder<T>(
  app: Service | readonly Service[],
  scenario: Scenario<T>,
  options: OrderOptions = {},
): Promise<T> {
  const { seeds = 20, ...rest } = options
  if (!(Number.isSafeInteger(seeds) && seeds >= 1)) {
    throw new MillraceError("MR1101", `inAnyOrder, seeds: ${String(seeds)} is not a whole number above 0.`, { given: seeds })
  }
  const wanted = await Wanted.of(app, scenario, rest)
  for (let seed = 1; seed <= seeds; seed++) await wanted.assertSame({ ...rest, seed }, () => undefined, `with seed ${seed}`)
  return wanted.returned
}
