// The test that teaches the driver: what each call does, on one service.
import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { compile, service, stream } from "@millrace/sdk"
import { testService } from "../src/index.ts"
import { byShopFile, fraud, lateFile, paid, payments, quiet, spentFile, ten } from "./fraud.ts"

test("records are sent, windows close at the end, and the results are typed", async () => {
  const run = await testService(fraud)
  await run.send(payments, [paid("a", 1), paid("b", 2)])
  assert.deepEqual(run.values(spentFile), [])
  await run.send(payments, paid("a", 11, 5))
  assert.equal(run.values(spentFile).length, 1)
  await run.end()
  const rows = run.records(spentFile)
  assert.deepEqual(
    rows.map(({ key, time, value }) => [key, time, value.start.getTime(), value.n, value.total]),
    [
      ["a", ten + 600_000 - 1, ten, 1, 10],
      ["b", ten + 600_000 - 1, ten, 1, 10],
      ["a", ten + 1_200_000 - 1, ten + 600_000, 1, 5],
    ],
  )
  assert.deepEqual(run.values(quiet).map(({ card }) => card), ["b", "a"])
  const [kiosk] = run.values(byShopFile)
  assert.equal(kiosk?.n, 2)
})

test("records of a stream come as its schema gives them", async () => {
  const run = await testService(fraud)
  await run.send(payments, paid("a", 1))
  const [record] = run.records(payments)
  assert.deepEqual(record?.value, { card: "a", shop: "kiosk", amount: 10, at: new Date(ten + 60_000) })
  assert.equal(record?.key, "a")
})

test("a window closes when the watermark passes it, in the partition of its key only", async () => {
  const run = await testService(fraud)
  await run.send(payments, [paid("a", 1), paid("b", 1)])
  assert.equal(run.watermark(payments, "a"), ten + 30_000)
  await run.send(payments, paid("a", 10.6))
  assert.deepEqual(run.values(spentFile).map(({ key }) => key), ["a"])
  assert.equal(run.watermark(payments), Number.NEGATIVE_INFINITY)
})

test("event time passes in every partition without a record", async () => {
  const run = await testService(fraud)
  await run.send(payments, [paid("a", 1), paid("b", 1)])
  await run.watermarkTo(payments, ten + 600_000)
  assert.deepEqual(run.values(spentFile).map(({ key }) => key), ["a", "b"])
  assert.equal(run.watermark("spent"), ten + 600_000)
  assert.equal(run.watermark("by-shop"), ten + 600_000)
  await run.send(payments, paid("c", 9))
  assert.deepEqual(run.late(), { "by-shop": 1, spent: 1 })
  assert.deepEqual(run.values(lateFile).map(({ card }) => card), ["c"])
})

test("the clock moves by hand: a partition without input is found idle, a file is full by age", async () => {
  const run = await testService(fraud, { now: ten })
  await run.send(payments, [paid("a", 1), paid("a", 11)])
  assert.deepEqual(run.values(byShopFile), [])
  assert.deepEqual(run.files(spentFile), [])
  await run.advance("1m")
  assert.equal(run.values(byShopFile).length, 1)
  await run.advanceTo(ten + 299_999)
  assert.deepEqual(run.files(spentFile), [])
  await run.advanceTo(ten + 300_000)
  const [file] = run.files(spentFile)
  assert.equal(file?.number, 0)
  assert.deepEqual(file?.rows, run.values(spentFile))
  assert.deepEqual(run.now, new Date(ten + 300_000))
})

test("a clock does not go back", async () => {
  const run = await testService(fraud, { now: ten })
  await assert.rejects(run.advanceTo(ten - 1), { code: "MR1101", message: /a clock does not go back/ })
  await assert.rejects(run.advance("soon" as never), { code: "MR1101" })
})

test("a refused record fails the send, and is returned by offer", async () => {
  const run = await testService(fraud, { now: ten })
  const bad = { ...paid("a", 1), amount: "ten" as never }
  await assert.rejects(run.send(payments, [paid("a", 1), bad]), {
    code: "MR1002",
    message: /record 1 of 2 was refused: .*amount/s,
  })
  const { accepted, refused } = await run.offer(payments, [bad, paid("b", 1), paid("c", 3_000)])
  assert.equal(accepted, 1)
  assert.deepEqual(refused.map(({ index, problem }) => [index, problem.code]), [[0, "MR1002"], [2, "MR1005"]])
  await assert.rejects(run.send(payments, paid("c", 3_000)), { code: "MR1005", message: /clock of this test stands at 2026/ })
  assert.deepEqual(run.values(payments).map(({ card }) => card).toSorted(), ["a", "b"])
})

test("what throws becomes a dead letter, of the stream that it began in", async () => {
  const run = await testService(fraud)
  await run.send(payments, [paid("a", 1, -1), paid("a", 2)])
  const [letter] = run.deadLetters(payments)
  assert.equal(letter?.error.message, "Error: nobody pays less than nothing")
  assert.equal(run.deadLetters().length, 1)
  assert.deepEqual(run.deadLetters(quiet), [])
})

test("streams and sinks that the service does not have are refused with those that it has", async () => {
  const run = await testService(fraud)
  const other = stream<{ n: number }>("other")
  await assert.rejects(run.send(other, { n: 1 }), { code: "MR1008", message: /there are payments, quiet/ })
  await assert.rejects(run.send(quiet, { card: "a", since: 1 }), { code: "MR1016" })
  assert.throws(() => run.records("nothing"), { code: "MR1008" })
  assert.throws(() => run.files(quiet), { code: "MR1008", message: /not a file sink/ })
  assert.throws(() => run.watermark("nothing"), { code: "MR1008" })
  assert.deepEqual(run.values("spent"), run.values(spentFile))
})

test("a table or a flow has no values to read: the mend is named", async () => {
  const run = await testService(fraud)
  for (const read of [run.values, run.records, run.files]) {
    for (const given of [payments.toTable("last"), payments.map((paid) => paid)]) {
      assert.throws(() => read.call(run, given as never), { code: "MR1101", message: /were given a flow or a table.*the rows of a table are in table\(…\)/ })
    }
    assert.throws(() => read.call(run, undefined as never), { code: "MR1101", message: /were given a value of type undefined/ })
  }
})

test("a crash loses nothing that was committed", async () => {
  const run = await testService(fraud)
  await run.send(payments, [paid("a", 1), paid("a", 2)])
  await run.crash()
  await run.send(payments, paid("a", 3))
  await run.crash()
  await run.end(payments)
  assert.deepEqual(run.values(spentFile).map(({ n, total }) => [n, total]), [[3, 30]])
})

test("without settling, stages work one transaction at a time", async () => {
  const run = await testService(fraud, { settles: false })
  await run.send(payments, [paid("a", 1), paid("b", 1)])
  await run.end(payments)
  assert.equal(run.transactions, 0)
  assert.equal(await run.step(), true)
  assert.equal(run.transactions, 1)
  assert.ok(run.values(spentFile).length < 2)
  await run.settle()
  assert.equal(await run.step(), false)
  assert.equal(run.values(spentFile).length, 2)
})

test("calls that are not awaited follow each other, and looking meanwhile is refused", async () => {
  const run = await testService(fraud)
  const sent = run.send(payments, paid("a", 1))
  const ended = run.end(payments)
  assert.throws(() => run.values(spentFile), /await the call before it/)
  await sent
  await ended
  assert.equal(run.values(spentFile).length, 1)
})

test("an ended source stays ended: what comes after is refused, as by a node", async () => {
  const run = await testService(fraud)
  await run.end(payments)
  await run.end(payments)
  await assert.rejects(run.send(payments, paid("a", 1)), (error) => isMillraceError(error) && error.code === "MR1033")
  assert.equal(run.late()["spent"] ?? 0, 0)
})

test("options that are not valid are refused", async () => {
  await assert.rejects(testService(fraud, { now: "yesterday" }), { code: "MR1101" })
  await assert.rejects(testService(fraud, { seed: 1.5 }), { code: "MR1101" })
  const unknown = { clock: 0 } as object
  await assert.rejects(testService(fraud, unknown), { code: "MR1101", message: /no option "clock"; there are, nearest first: file, handlers, now, / })
  await assert.rejects(testService({} as never), { code: "MR1101", message: /^testService: expected a service, from service\("name", \[ … \]\), or a list of them, not an object that is none/ })
  await assert.rejects(testService([fraud, undefined as never]), { code: "MR1101", message: /not undefined\.$/ })
  const run = await testService(fraud)
  assert.throws(() => run.crashAfter(0), { code: "MR1101" })
})

test("a stream that is only kept can be sent to and read", async () => {
  const notes = stream<readonly number[]>("notes")
  const run = await testService(service("keeper", [notes]))
  await run.send(notes, [[1, 2], [3]])
  assert.deepEqual(new Set(run.values(notes)), new Set([[1, 2], [3]]))
  assert.equal(compile(service("keeper", [notes])).plan.stages.length, 0)
})
