// Asynchronous calls whose answers come in any order, late, wrong or never, against what each record alone would come to.
import assert from "node:assert/strict"
import { test } from "node:test"
import type { AsyncOrder } from "@millrace/model"
import { count, service, stream, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import type { Call, CallOutcome, Transaction } from "../src/index.ts"
import { Rig, type Seat } from "./rig.ts"

/** What comes of an attempt. */
type Fate = "answer" | "fail" | "final" | "never" | "unfit"

interface Asked {
  readonly id: number
  readonly k: string
  readonly t: number
  /** Whether user code before the operator throws for it. */
  readonly throws: boolean
  /** By attempt; after the last one, answers. */
  readonly fates: readonly Fate[]
}

const timeoutMs = 1_000
const attemptsMost = 3

const asked: fc.Arbitrary<readonly Asked[]> = fc
  .array(
    fc.record({
      k: fc.constantFrom("a", "b", "c"),
      step: fc.integer({ min: -900, max: 2_000 }),
      throws: fc.integer({ min: 0, max: 9 }).map((n) => n === 9),
      fates: fc.array(fc.constantFrom<Fate>("answer", "answer", "fail", "final", "never", "unfit"), { maxLength: 4 }),
    }),
    { maxLength: 25, size: "max" },
  )
  .map((all) => {
    let t = 100_000
    return all.map(({ step, ...rest }, id) => ({ id, ...rest, t: (t += step) }))
  })

/** One thing that happens: input is taken, calls end, time passes, the process dies. */
type Step =
  | { readonly do: "take"; readonly cut: number; readonly room: number }
  | { readonly do: "answer"; readonly which: readonly number[]; readonly room: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "crash" }

const room = fc.constantFrom(Number.POSITIVE_INFINITY, 1, 400)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("take" as const), cut: fc.integer({ min: 1, max: 8 }), room }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("answer" as const), which: fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }), room }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: "crash" as const }) },
)
const steps = fc.array(step, { minLength: 1, maxLength: 30 })

interface Settings {
  readonly order: AsyncOrder
  readonly concurrency: number
  readonly capacity: number
}

const settings: fc.Arbitrary<Settings> = fc
  .record({ order: fc.constantFrom<AsyncOrder>("key", "input", "any"), concurrency: fc.integer({ min: 1, max: 5 }), more: fc.nat(6) })
  .map(({ more, ...rest }) => ({ ...rest, capacity: rest.concurrency + more }))

function program({ order, concurrency, capacity }: Settings, partitions = 1) {
  const input = stream<Asked>("in", { partitions, key: ({ k }) => k, time: ({ t }) => t, outOfOrder: 25_000, ahead: "1000d", idle: "1000d" })
  const retry = { attempts: attemptsMost, backoff: { first: 500, factor: 2 } }
  const checked = input.map((each) => {
    if (each.throws) throw new Error("told to")
    return each
  })
  // A neighbour in the same stage whose timers throw, so that ticks are undone and done again.
  const alarms = checked.process("alarm", {
    state: () => 0,
    onRecord(_, ctx) {
      ctx.setClockTimer(ctx.now + 700)
    },
    onClockTimer() {
      throw new Error("told to ring")
    },
  })
  const answered = checked.mapAsync("ask", async ({ id, k, t }) => ({ id, k, t }), { order, concurrency, capacity, timeout: timeoutMs, retry })
  return service("s", [
    answered.to(files("answers")),
    alarms.to(files("alarms")),
    answered.window("counts", tumbling(5_000)).aggregate({ n: count() }).to(files("counts")),
  ])
}

/**
 * What a record comes to, by itself: undefined for a result, else the attempts of its dead letter.
 *
 * @param tooSlow - attempts whose answers were not given in time
 */
function attemptsOf({ id, fates }: Asked, tooSlow: ReadonlySet<string>): number | undefined {
  for (let attempt = 1; attempt <= attemptsMost; attempt++) {
    const fate = tooSlow.has(`${id} ${attempt}`) ? "never" : (fates[attempt - 1] ?? "answer")
    if (fate === "answer") return undefined
    if (fate === "final" || fate === "unfit") return attempt
  }
  return attemptsMost
}

/** A host under the test's control: it has calls in hand and ends them when the test says so. */
class Host {
  readonly #rig: Rig
  readonly seat: Seat
  readonly #settings: Settings
  calls: Call[] = []
  /** Calls since the last crash, by number and attempt: none is made twice. */
  readonly #made: Set<string> = new Set()
  readonly #since: Map<Call, number> = new Map()
  readonly tooSlow: Set<string> = new Set()
  /** Whose answers come after all, when nobody asks any more. */
  #stale: CallOutcome[] = []

  constructor(rig: Rig, seat: Seat, given: Settings) {
    this.#rig = rig
    this.seat = seat
    this.#settings = given
  }

  #took(transaction: Transaction | undefined): void {
    if (transaction === undefined) return
    const { calls, cancelled, pending, held } = transaction
    for (const { number, attempt } of cancelled) {
      const call = this.calls.find((each) => each.number === number && each.attempt === attempt)
      assert.ok(call, `call ${number} is not under way`)
      assert.ok(this.#rig.now - (this.#since.get(call) ?? 0) >= timeoutMs, "cancelled before its time")
      this.#stale.push({ kind: "succeeded", number, attempt, value: { id: -1 } })
      this.tooSlow.add(`${(call.value as Asked).id} ${attempt}`)
      this.calls = this.calls.filter((each) => each !== call)
    }
    this.calls.push(...calls)
    for (const { number, attempt } of calls) {
      assert.ok(!this.#made.has(`${number} ${attempt}`), `call ${number}, attempt ${attempt} is made twice`)
      this.#made.add(`${number} ${attempt}`)
    }
    for (const call of calls) this.#since.set(call, this.#rig.now)
    assert.ok(this.calls.length <= this.#settings.concurrency, `${this.calls.length} calls at once`)
    assert.ok(pending <= this.#settings.capacity, `${pending} records wait`)
    assert.equal(held, pending === this.#settings.capacity)
  }

  get behind(): boolean {
    return this.#rig.behind(this.seat)
  }

  async take(cut: number): Promise<void> {
    const before = this.seat.machine.consumed
    const { held } = this.seat.machine
    this.#took(await this.#rig.take(this.seat, [cut]))
    if (held) assert.equal(this.seat.machine.consumed, before)
  }

  tick(): void {
    this.#took(this.#rig.tick(this.seat))
  }

  /** Ends some of the calls, in an order of the test's own; those that never answer stay. */
  answer(which: readonly number[]): void {
    const outcomes = this.#stale
    this.#stale = []
    for (const each of which) {
      const call = this.calls[each % Math.max(1, this.calls.length)]
      if (call === undefined) continue
      const outcome = outcomeOf(call)
      if (outcome === undefined) continue
      this.calls = this.calls.filter((other) => other !== call)
      // Twice: the second time says nothing new.
      outcomes.push(outcome, outcome)
    }
    if (outcomes.length > 0) this.#took(this.#rig.complete(this.seat, "ask", outcomes))
  }

  async crash(): Promise<void> {
    this.calls = []
    this.#stale = []
    this.#made.clear()
    await this.#rig.restart(this.seat)
    this.tick()
  }
}

function outcomeOf({ number, attempt, value }: Call): CallOutcome | undefined {
  const { id, k, t, fates } = value as Asked
  const fate = fates[attempt - 1] ?? "answer"
  if (fate === "never") return undefined
  if (fate === "answer") return { kind: "succeeded", number, attempt, value: { id, k, t } }
  if (fate === "unfit") return { kind: "succeeded", number, attempt, value: () => id }
  const error = { code: "MR1201", message: `attempt ${attempt} of ${id}`, details: {} } as const
  return { kind: "failed", number, attempt, error, ...(fate === "final" ? { final: true } : {}) }
}

async function run(rig: Rig, host: Host, way: readonly Step[]): Promise<void> {
  for (const each of way) {
    if ("room" in each) rig.room = each.room
    if (each.do === "take") await host.take(each.cut)
    if (each.do === "answer") host.answer(each.which)
    if (each.do === "crash") await host.crash()
    if (each.do === "wait") rig.now += each.ms
    if (each.do !== "answer") host.tick()
  }
}

/** Until all is done: what never answers runs out of time. */
async function finish(rig: Rig, host: Host): Promise<void> {
  for (let rounds = 0; host.behind || host.seat.machine.pending > 0; rounds++) {
    assert.ok(rounds < 10_000, "it comes to no end")
    if (host.behind && !host.seat.machine.held) await host.take(5)
    host.answer(host.calls.map((_, i) => i).toReversed())
    rig.now += 100
    host.tick()
  }
}

test("each record comes to one end, whatever order answers come in, what fails, times out, crashes or is cut", async () => {
  await fc.assert(
    fc.asyncProperty(asked, settings, steps, async (given, chosen, way) => {
      const rig = await Rig.open(program(chosen), 1_000_000)
      const host = new Host(rig, rig.seat("in"), chosen)
      rig.produce("in", given.map((each) => each))
      rig.end("in")
      await run(rig, host, way)
      await finish(rig, host)
      rig.room = Number.POSITIVE_INFINITY
      await rig.settle()

      const taken = given.filter(({ throws }) => !throws)
      const good = taken.filter((each) => attemptsOf(each, host.tooSlow) === undefined)
      const answers = (await rig.records("s/answers.rows")).map(({ value }) => value as Asked)
      const byId = (a: Asked, b: Asked): number => a.id - b.id
      assert.deepEqual(answers.toSorted(byId), good.map(({ id, k, t }) => ({ id, k, t })))
      if (chosen.order === "input") assert.deepEqual(answers.map(({ id }) => id), good.map(({ id }) => id))
      if (chosen.order === "key") {
        for (const k of ["a", "b", "c"]) assert.deepEqual(answers.filter((each) => each.k === k), answers.filter((each) => each.k === k).toSorted(byId))
      }
      const dead = (await rig.deadLetters("in")).map(({ value, attempts, operator, offset, key }) => {
        return { id: (value as Asked).id, attempts, operator, offset, key }
      })
      const bad = taken.filter((each) => attemptsOf(each, host.tooSlow) !== undefined)
      assert.deepEqual(
        dead.filter(({ operator }) => operator === "ask").toSorted((a, b) => a.id - b.id),
        bad.map((each) => ({ id: each.id, attempts: attemptsOf(each, host.tooSlow), operator: "ask", offset: each.id, key: each.k })),
      )
      assert.deepEqual(dead.filter(({ operator }) => operator === "in").map(({ id }) => id), given.filter(({ throws }) => throws).map(({ id }) => id))

      // AC2: the windows behind see every record in time.
      assert.deepEqual(rig.late(), {})
      const counts = new Map<string, number>()
      for (const { k, t } of good) {
        const name = `${k} ${Math.floor(t / 5_000) * 5_000}`
        counts.set(name, (counts.get(name) ?? 0) + 1)
      }
      const found = (await rig.values("s/counts.rows")) as { key: string; start: Date; n: number }[]
      assert.deepEqual(new Map(found.map(({ key, start, n }) => [`${key} ${Number(start)}`, n])), counts)
      await rig.store.fold()
      assert.deepEqual([...rig.store.state.entries("s/ask", 0, 0)], [])
    }),
    { numRuns: 400 },
  )
})

const plain: Settings = { order: "any", concurrency: 2, capacity: 3 }

function ask(id: number, k = "a", t = 100_000 + id): Asked {
  return { id, k, t, fates: [], throws: false }
}

test("a stage whose records wait for answers that never come takes no more of them, and goes on when some come", async () => {
  const rig = await Rig.open(program(plain), 1_000_000)
  const seat = rig.seat("in")
  const host = new Host(rig, seat, plain)
  rig.produce("in", Array.from({ length: 10 }, (_, id) => ask(id)))
  await host.take(10)
  assert.deepEqual([seat.machine.consumed, seat.machine.pending, seat.machine.held, host.calls.length], [3, 3, true, 2])
  await host.take(10)
  assert.equal(seat.machine.consumed, 3)
  host.answer([0])
  assert.deepEqual([seat.machine.held, host.calls.length], [false, 2])
  await host.take(10)
  assert.deepEqual([seat.machine.consumed, seat.machine.held], [4, true])
})

test("the watermark behind is that of the earliest record without an answer, and the stream's own when all have theirs", async () => {
  const rig = await Rig.open(program({ ...plain, concurrency: 3, capacity: 9 }), 1_000_000)
  const host = new Host(rig, rig.seat("in"), { ...plain, concurrency: 3, capacity: 9 })
  const behind = rig.seat("s/ask.results")
  rig.produce("in", [ask(0, "a", 100_000), ask(1, "b", 160_000), ask(2, "a", 200_000)])
  await host.take(3)
  await rig.take(behind)
  assert.equal(behind.machine.watermark, 100_000)
  host.answer([2, 1])
  await rig.take(behind)
  assert.equal(behind.machine.watermark, 100_000)
  host.answer([0])
  await rig.take(behind)
  assert.equal(behind.machine.watermark, 175_000)
})

test("a call that a crash cut off is made again under the same number, and counts once", async () => {
  const rig = await Rig.open(program(plain), 1_000_000)
  const host = new Host(rig, rig.seat("in"), plain)
  rig.produce("in", [ask(0), ask(1)])
  await host.take(2)
  const before = host.calls.map(({ number, attempt }) => [number, attempt])
  await host.crash()
  assert.deepEqual(host.calls.map(({ number, attempt }) => [number, attempt]), before)
  host.answer([0, 0])
  await host.crash()
  assert.deepEqual(host.calls, [])
  await rig.settle()
  assert.equal((await rig.values("s/answers.rows")).length, 2)
})

test("records without a key have functions called too, and keep their partition", async () => {
  const input = stream<{ n: number }>("in", { partitions: 2 })
  const rig = await Rig.open(service("s", [input.mapAsync("ask", async ({ n }) => ({ n })).to(files("answers"))]))
  rig.produce("in", [{ n: 1 }, { n: 2 }, { n: 3 }])
  for (const partition of [0, 1]) {
    const seat = rig.seat("in", partition)
    const { calls } = await rig.take(seat)
    rig.complete(seat, "ask", calls.map(({ number, attempt, value }) => ({ kind: "succeeded", number, attempt, value })))
  }
  await rig.settle()
  const places = (found: readonly { partition: number; value: unknown }[]) => found.map(({ partition, value }) => [partition, value])
  assert.deepEqual(places(await rig.records("s/answers.rows")), places(await rig.records("in")))
})

test("a call that has brought down its workers is not made again: its record is a dead letter at once", async () => {
  const rig = await Rig.open(program(plain), 1_000_000)
  const host = new Host(rig, rig.seat("in"), plain)
  rig.produce("in", [ask(0), ask(1), ask(2)])
  await host.take(3)
  await rig.restart(host.seat)
  const error = { code: "MR1202", message: "it hung", details: {} } as const
  const { calls } = rig.complete(host.seat, "ask", [{ kind: "lost", number: 1, error, attempts: 2 }])
  assert.deepEqual(calls.map(({ number }) => number), [0, 2])
  const letters = await rig.deadLetters("in")
  assert.deepEqual(letters.map(({ value, offset, attempts, error: { code } }) => [(value as Asked).id, offset, attempts, code]), [[1, 1, 2, "MR1202"]])
})
