// Cuts, turns and crashes: what a service gives does not depend on them.
import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { service, stream } from "@millrace/sdk"
import { crashEverywhere, inAnyOrder, type TestService, testService } from "../src/index.ts"
import { byShopFile, fraud, lateFile, paid, payments, quiet, spentFile } from "./fraud.ts"

const payment = fc.record({
  card: fc.constantFrom("a", "b", "c", "d"),
  minutes: fc.integer({ min: 0, max: 60 }),
  amount: fc.integer({ min: -1, max: 20 }),
  shop: fc.constantFrom("kiosk", "bar"),
})
const history = fc.array(
  payment.map(({ card, minutes, amount, shop }) => paid(card, minutes, amount, shop)),
  { maxLength: 40 },
)

async function through(run: TestService, sent: ReturnType<typeof paid>[]): Promise<unknown> {
  await run.send(payments, sent)
  await run.advance("2m")
  await run.end(payments)
  return {
    spent: run.records(spentFile).map(({ key, time, value }) => ({ key, time, value })),
    late: run.records(lateFile).map(({ key, value }) => ({ key, value })),
    quiet: run.values(quiet),
    lateSpent: run.late()["spent"],
  }
}

test("outputs do not depend on the seed", async () => {
  await fc.assert(
    fc.asyncProperty(history, fc.integer(), async (sent, seed) => {
      const plain = await testService(fraud)
      const wanted = await through(plain, sent)
      const run = await testService(fraud, { seed })
      assert.deepEqual(await through(run, sent), wanted)
      // By another key records may meet in another order, and are late or not by it; all the same, each counts once.
      const counted = (test: TestService): number =>
        test.values(byShopFile).reduce((sum, { n }) => sum + n, 0) + (test.late()["by-shop"] ?? 0) + test.deadLetters().length
      assert.equal(counted(run), sent.length)
      assert.equal(counted(plain), sent.length)
    }),
    { numRuns: 40 },
  )
})

test("the same seed gives the same run", async () => {
  const sent = Array.from({ length: 60 }, (_, i) => paid(`card ${i % 7}`, i % 50))
  const [one, other] = [await testService(fraud, { seed: 7 }), await testService(fraud, { seed: 7 })]
  await through(one, sent)
  await through(other, sent)
  assert.equal(one.transactions, other.transactions)
  assert.deepEqual(one.records(byShopFile), other.records(byShopFile))
  const third = await testService(fraud, { seed: 8 })
  await through(third, sent)
  assert.notEqual(third.transactions, one.transactions)
})

test("a crash after any transaction changes nothing", async () => {
  const sent = [paid("a", 1), paid("b", 2, -1), paid("a", 12), paid("b", 30), paid("a", 3), paid("c", 31)]
  await crashEverywhere(fraud, (run) => through(run, sent))
  await crashEverywhere(fraud, (run) => through(run, sent), { seed: 3, most: 20 })
})

test("a service that keeps something where no crash keeps it is found out", async () => {
  const numbers = stream<{ n: number }>("numbers", { key: () => "one", partitions: 1 })
  const sums = stream<{ sum: number }>("sums")
  // What hangs on a symbol is there as long as the object is, and is not stored.
  const hidden = Symbol("hidden")
  const summed = numbers.process("sum", {
    state: (): { [hidden]?: number } => ({}),
    onRecord({ n }, ctx) {
      const sum = (ctx.state[hidden] ?? 0) + n
      ctx.state[hidden] = sum
      return [{ sum }]
    },
  })
  const leaky = service("leaky", [summed.to(sums)])
  const scenario = async (run: TestService): Promise<unknown> => {
    await run.send(numbers, { n: 1 })
    await run.send(numbers, { n: 2 })
    return run.values(sums)
  }
  await assert.rejects(crashEverywhere(leaky, scenario), {
    name: "AssertionError",
    message: /the scenario returns something else after a crash after transaction 1 of 2/,
  })
  await assert.rejects(crashEverywhere(leaky, async (run) => void (await scenario(run))), {
    name: "AssertionError",
    message: /"sums" holds other records after a crash after transaction 1 of 2/,
  })
  await assert.rejects(crashEverywhere(leaky, scenario, { most: 0 }), { code: "MR1101" })
})

test("what depends on the order of work is found out, with its seed", async () => {
  const numbers = stream<{ n: number }>("numbers", { key: ({ n }) => String(n % 5), partitions: 4 })
  const sums = stream<{ before: number[] }>("sums")
  // Records of several partitions meet by another key in no order.
  const met = numbers
    .keyBy(() => "one")
    .process("met", {
      state: (): number[] => [],
      onRecord({ n }, ctx) {
        ctx.state.push(n)
        return [{ before: ctx.state.slice(0, -1) }]
      },
    })
  const racing = service("racing", [met.to(sums)])
  const send = async (run: TestService): Promise<void> => run.send(numbers, [1, 2, 3, 4, 5, 6].map((n) => ({ n })))
  await assert.rejects(inAnyOrder(racing, send), { name: "AssertionError", message: /"sums" holds other records with seed \d+/ })
  const settled = async (run: TestService): Promise<unknown> => {
    await send(run)
    return run.state<number[]>("met", "one")?.toSorted()
  }
  const counted = service("counted", [met.map(({ before }) => ({ before: [before.length] })).to(sums)])
  assert.deepEqual(await inAnyOrder(counted, settled, { seeds: 5 }), [1, 2, 3, 4, 5, 6])
  await assert.rejects(inAnyOrder(counted, settled, { seeds: 0 }), { code: "MR1101" })
})
