import assert from "node:assert/strict"
import { test } from "node:test"
import { type ProcessContext, service, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { type Command, type Order, processOf, type Said, type State } from "./process-model.ts"
import { Rig } from "./rig.ts"
import { atOnce, drive, type Turn, turns } from "./schedule.ts"

function* carryOut(commands: readonly Command[], ctx: ProcessContext<State>, from: Said["from"]): Generator<Said> {
  for (const command of commands) {
    const { key, time, watermark } = ctx
    if (command.do === "add") ctx.state.sum += command.n
    if (command.do === "emit") yield { key, time, sum: ctx.state.sum, watermark, from }
    if (command.do === "set") ctx.setTimer(time + command.in)
    if (command.do === "unset") ctx.clearTimer(time + command.in)
    if (command.do === "plan") ctx.state.plan = command.commands
    if (command.do === "clear") ctx.clear()
    if (command.do === "throw") throw new Error("as told")
  }
}

function program(outOfOrder: number) {
  const input = stream("in", { partitions: 1, key: (order: Order) => order.k, time: (order) => order.t, outOfOrder })
  const process = input.process("p", {
    state: (): State => ({ sum: 0, plan: [] }),
    onRecord: (order, ctx) => carryOut(order.commands, ctx, "record"),
    *onTimer(ctx) {
      const { plan } = ctx.state
      ctx.state.plan = []
      yield* carryOut([{ do: "emit" }, ...plan], ctx, "timer")
    },
  })
  return service("s", [process.to(files("said"))])
}

function commands(inTimers: boolean, throwing: boolean): fc.Arbitrary<Command[]> {
  // A timer's commands set later timers or the same again; a plan is carried out once, so it ends.
  const delay = fc.oneof(fc.integer({ min: -10, max: 30 }), fc.constant(0))
  const simple: fc.Arbitrary<Command>[] = [
    fc.record({ do: fc.constant("add" as const), n: fc.integer({ min: -9, max: 9 }) }),
    fc.constant({ do: "emit" as const }),
    fc.record({ do: fc.constant("set" as const), in: delay }),
    fc.record({ do: fc.constant("set" as const), in: delay }),
    fc.record({ do: fc.constant("unset" as const), in: delay }),
    fc.constant({ do: "clear" as const }),
    ...(throwing ? [fc.constant({ do: "throw" as const })] : []),
  ]
  const planned = fc.record({
    do: fc.constant("plan" as const),
    commands: inTimers ? fc.constant([]) : commands(true, throwing),
  })
  return fc.array(fc.oneof(...simple, ...(inTimers ? [] : [planned, planned])), { maxLength: 5 })
}

function orders(throwing: boolean): fc.Arbitrary<readonly Order[]> {
  return fc
    .array(
      fc.record({
        k: fc.constantFrom("a", "b", "c"),
        step: fc.integer({ min: -12, max: 15 }),
        commands: commands(false, throwing),
      }),
      { maxLength: 20, size: "max" },
    )
    .map((steps) => {
      let at = 0
      return steps.map(({ k, step, commands: all }) => {
        at += step
        return { k, t: at, commands: all }
      })
    })
}

async function agree(outOfOrder: number, given: readonly Order[], way: readonly Turn[], ended: boolean): Promise<void> {
  const rig = await Rig.open(program(outOfOrder))
  rig.produce("in", given)
  if (ended) rig.end("in")
  await drive(rig, rig.seat("in"), way)
  const expected = processOf(given, outOfOrder, ended)
  assert.deepEqual(await rig.values("s/said.rows"), expected.said)
  const failed = (await rig.deadLetters("in")).map(({ key, time, operator, attempts }) => {
    assert.equal(attempts, 3)
    return `${operator === "p" ? "timer" : "record"} ${key} ${Date.parse(time)}`
  })
  assert.deepEqual(failed, expected.failed)
}

const outOfOrder = fc.oneof(fc.constant(0), fc.nat(15))

test("a process says what the plainest model says: state, timers set, set again, cleared, in the past", async () => {
  await fc.assert(fc.asyncProperty(outOfOrder, orders(false), turns, fc.boolean(), agree), { numRuns: 800 })
})

test("a handler that throws leaves nothing behind, neither state nor timers nor results, and touches no neighbour", async () => {
  await fc.assert(fc.asyncProperty(outOfOrder, orders(true), turns, fc.boolean(), agree), { numRuns: 800 })
})

test("any batch cut and any crash give the same bytes from a process, also where handlers throw", async () => {
  await fc.assert(
    fc.asyncProperty(outOfOrder, orders(true), turns, async (most, given, way) => {
      const bytes: Uint8Array[] = []
      for (const each of [atOnce, way]) {
        const rig = await Rig.open(program(most))
        rig.produce("in", given)
        rig.end("in")
        await drive(rig, rig.seat("in"), each)
        bytes.push(await rig.bytes("s/said.rows"))
      }
      assert.deepEqual(bytes[1], bytes[0])
    }),
    { numRuns: 800 },
  )
})

test("a promise where results are wanted is named, in process, flatMap and withBroadcast", async () => {
  const late = (async () => []) as unknown as () => number[]
  const input = (name: string) => stream<{ k: string }>(name, { partitions: 1, key: ({ k }) => k })
  const out = stream<number>("out", { partitions: 1 })
  const table = input("rows").toTable("rows-now")
  const rig = await Rig.open(
    service("s", [
      input("processed").process("p", { state: () => 0, onRecord: late }).to(out),
      input("flat").flatMap(late).to(out),
      input("broadcast").withBroadcast("b", table, late).to(out),
    ]),
  )
  const said = async (name: string): Promise<string> => {
    rig.produce(name, [{ k: "a" }])
    await rig.settle()
    return (await rig.deadLetters(name)).map(({ error }) => error.message).join()
  }
  const why = "a promise was returned; functions of streams are synchronous."
  assert.equal(await said("processed"), `operator "p": ${why}`)
  assert.equal(await said("flat"), `flatMap: ${why}`)
  assert.equal(await said("broadcast"), `operator "b": ${why}`)
})
