// What runs that wait or have ended cost of memory and of each enqueue and start: the same, however many there are.
import assert from "node:assert/strict"
import { test } from "node:test"
import { openMemoryStore } from "@millrace/memory"
import { BlockWriter, writeValue } from "@millrace/model"
import { compile, service, task } from "@millrace/sdk"
import type { EnqueueFacts, StateReader, TaskEffect, Transaction } from "../src/index.ts"
import { decodeBlock, StageMachine, StateMemory } from "../src/machine.ts"

const perStep = 200

/** Two tasks of which one is paused, on a store that counts what is read of it; folded after every few transactions. */
class Node {
  reads = 0
  readonly memory = new StateMemory(64_000, 0)
  readonly #program = compile(service("many", [task("runs", { concurrency: 100, run: () => 1 }), task("waits", { run: () => 1 })]))
  readonly #store
  readonly #machines: ReadonlyMap<string, StageMachine>
  readonly #done = new Map<string, number>()
  #calls: TaskEffect[] = []

  static async open(): Promise<Node> {
    return new Node(await openMemoryStore({ now: () => 0, onLost: () => undefined }))
  }

  private constructor(store: Awaited<ReturnType<typeof openMemoryStore>>) {
    this.#store = store
    const { state } = store
    const count = <Found>(found: Found): Found => {
      this.reads++
      return found
    }
    const reader: StateReader = {
      buckets: (scope, partition) => count(state.buckets(scope, partition)),
      get: (scope, partition, bucket, key) => count(state.get(scope, partition, bucket, key)),
      *entries(scope, partition, bucket, range) {
        for (const entry of state.entries(scope, partition, bucket, range)) yield count(entry)
      },
      close: () => state.close(),
    }
    const stages = this.#program.plan.tasks.map(({ name, commands }) => [name, commands] as const)
    this.#machines = new Map(stages.map(([name, stage]) => [name, new StageMachine(this.#program, stage, 0, reader, 0, undefined, { memory: this.memory })]))
  }

  /** Runs, ended and waiting, that are in memory, with all that is kept of them. */
  get keys(): number {
    return [...this.#machines.values()].reduce((sum, { keys }) => sum + keys, 0)
  }

  pause(name: string): Promise<void> {
    return this.#tell(name, (block) => writeValue(block.beginRecord("", 0), ["pause"]), 1)
  }

  /** @param bulk - the idempotency key that they come with */
  async enqueue(name: string, count: number, bulk?: string): Promise<void> {
    const facts = (index: number): EnqueueFacts => (bulk === undefined ? {} : { idempotencyKey: `${bulk}/${index}`, among: count })
    await this.#tell(name, (block, index) => writeValue(block.beginRecord("", 0), ["enqueue", `{"pad":"${"x".repeat(80)}"}`, facts(index)]), count)
  }

  /** Ends the calls under way, and those that follow, until there are none. */
  finish(name: string): void {
    const machine = this.#machine(name)
    while (this.#calls.length > 0) {
      const outcomes = this.#calls.flatMap((call) => (call.kind === "call" ? call.runs.map(({ number }) => ({ kind: "succeeded", number, lease: call.lease, output: "1" })) : []))
      this.#calls = []
      this.#commit(name, machine.complete(name, outcomes, 0))
    }
  }

  async #tell(name: string, write: (block: BlockWriter, index: number) => void, count: number): Promise<void> {
    const machine = this.#machine(name)
    const stream = `many/${name}.commands`
    const plan = this.#program.plan.streams.find((each) => each.name === stream)
    assert.ok(plan, `there are ${this.#program.plan.streams.map((each) => each.name).join(", ")}`)
    const block = new BlockWriter()
    for (let index = 0; index < count; index++) {
      const from = block.length
      write(block, index)
      block.endRecord(from)
    }
    const bytes = block.take()
    const { bases } = this.#store.append({ appends: [{ stream, partition: 0, count, block: bytes }], state: [] })
    this.#commit(name, machine.apply([decodeBlock(bytes, bases[0] ?? 0, 0, plan, this.#program.streams.get(stream))], 0))
    await this.#store.fold()
    for (const [each, done] of this.#done) this.#machine(each).onFolded(done)
  }

  #machine(name: string): StageMachine {
    return this.#machines.get(name) as StageMachine
  }

  #commit(name: string, { state, appends, effects }: Transaction): void {
    this.#store.append({ appends, state: [state] })
    this.#done.set(name, (this.#done.get(name) ?? 0) + 1)
    for (const effect of effects as readonly TaskEffect[]) if (effect.kind === "call") this.#calls.push(effect)
  }
}

/** Enqueues and ends runs of one task, and enqueues of another that waits; says what the last step has read, and what stays in memory. */
async function costAfter(steps: number): Promise<{ readonly reads: number; readonly keys: number; readonly bytes: number }> {
  const node = await Node.open()
  await node.pause("waits")
  let before = 0
  for (let step = 0; step <= steps; step++) {
    before = node.reads
    await node.enqueue("runs", perStep, `ran ${step}`)
    node.finish("runs")
    await node.enqueue("waits", perStep, `waits ${step}`)
  }
  return { reads: node.reads - before, keys: node.keys, bytes: node.memory.bytes }
}

test("what is held in memory does not grow with the runs that wait or have ended, nor what an enqueue and a start read", async () => {
  const few = await costAfter(10)
  const many = await costAfter(100)
  assert.ok(few.keys < 20 * perStep, `${few.keys} keys`)
  assert.ok(many.keys <= few.keys * 1.1, `${many.keys} keys after 40,000 runs, ${few.keys} after 4,000`)
  assert.ok(many.bytes <= few.bytes * 1.1, `${many.bytes} bytes after 40,000 runs, ${few.bytes} after 4,000`)
  assert.ok(many.reads <= few.reads * 1.1, `${many.reads} reads for 400 runs after 40,000, ${few.reads} after 4,000`)
})
