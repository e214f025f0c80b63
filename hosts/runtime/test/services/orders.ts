// A service whose code misbehaves when a record says so, in the way that it says.
import type { StandardSchema } from "@millrace/model"
import { getEnvironmentData } from "node:worker_threads"
import { service, stream } from "@millrace/sdk"

export interface Order {
  readonly key: string
  readonly seq: number
  /** What to do wrong in the map, the schema, the key function or the time function. */
  readonly map?: Fault
  readonly schema?: Fault
  readonly keyed?: Fault
  readonly timed?: Fault
}

export type Fault = "hang" | "throw" | "exit" | "heap" | "heap at a stroke" | "throw later" | "reject later" | "hang later" | "throw null later"

/** How many calls of user code are left before one ends its thread, in memory shared with the test; below 1: no end. */
const fuse = getEnvironmentData("fuse") as Int32Array | undefined

function misbehave(fault: Fault | undefined): void {
  if (fuse !== undefined && Atomics.sub(fuse, 0, 1) === 1) process.exit(9)
  switch (fault) {
    case undefined:
      return
    case "hang":
      for (;;) Math.random()
    case "throw":
      throw new Error("made by the record")
    case "exit":
      return process.exit(3)
    case "heap":
      return fill()
    case "heap at a stroke":
      // eslint-disable-next-line unicorn/no-new-array -- as user code has it
      for (const held: unknown[] = []; ; ) held.push(new Array(10_000).fill({ x: 1 }))
    case "throw later":
      setImmediate(() => {
        throw new Error("made by the record, later")
      })
      return
    case "throw null later":
      setImmediate(() => {
        // eslint-disable-next-line typescript/only-throw-error -- user code throws what it likes
        throw null
      })
      return
    case "reject later":
      void Promise.reject(new Error("made by the record, later"))
      return
    case "hang later":
      setImmediate(() => {
        for (;;) Math.random()
      })
  }
}

function fill(): never {
  for (const held: unknown[] = []; ; ) held.push(Array.from({ length: 10_000 }, () => ({})))
}

const schema: StandardSchema<Order, Order> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => {
      misbehave((value as Order).schema)
      return { value: value as Order }
    },
  },
}

const orders = stream("orders", {
  schema,
  partitions: 4,
  key: (order) => {
    misbehave(order.keyed)
    return order.key
  },
  time: (order) => {
    misbehave(order.timed)
    return order.seq
  },
})

/** Each record with how many of its key there have been: 1, 2, 3 … when each was processed once. */
const counted = stream<{ key: string; seq: number; n: number }>("counted", { partitions: 4, key: ({ key }) => key })

export default service("orders", [
  orders
    .map((order) => {
      misbehave(order.map)
      return order
    })
    .process("count", {
      state: () => ({ n: 0 }),
      *onRecord({ key, seq }, ctx) {
        ctx.state.n++
        yield { key, seq, n: ctx.state.n }
      },
    })
    .to(counted),
])
