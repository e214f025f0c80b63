import assert from "node:assert/strict"
import { test } from "node:test"
import { newCheckpoint } from "@millrace/engine"
import { MappingBench } from "../../test/mapping-bench.ts"
import { Positions } from "./positions.ts"
import { Room } from "./room.ts"

test("what was committed and is not durable is forgotten when the disk refuses", async (t) => {
  const bench = new MappingBench(t)
  await bench.open({ enabled: false })
  const positions = new Positions(bench.store.state)
  const place = { id: "shop/ship/orders", partition: 0, second: 1 }
  const { sequence } = bench.store.append({ appends: [], state: [positions.keep(place, newCheckpoint(5)), positions.start(place.id)] })
  await bench.store.durable(sequence)
  await bench.store.fold()
  positions.keep(place, newCheckpoint(9))
  positions.redrive(place.id, 0, { offset: 3, taken: 1 })
  assert.deepEqual(positions.get(place), newCheckpoint(9))
  positions.forget()
  assert.deepEqual(positions.get(place), newCheckpoint(5))
  assert.equal(positions.hasStarted(place.id), true)
  assert.equal(positions.redriven(place.id, 0), undefined)
  assert.equal(positions.get({ ...place, second: 2 }), undefined, "of another shard of that number")
})

test("room is given in turn, and what is larger than all of it has it alone", async () => {
  const room = new Room(10)
  const order: string[] = []
  const take = (name: string, amount: number): Promise<void> => room.take(amount).then(() => void order.push(name))
  await take("a", 6)
  const waiting = [take("large", 50), take("small", 1)]
  await Promise.resolve()
  assert.deepEqual(order, ["a"], "the small one does not overtake")
  room.give(6)
  await waiting[0]
  assert.equal(room.used, 50)
  room.give(50)
  await waiting[1]
  assert.deepEqual(order, ["a", "large", "small"])
})
