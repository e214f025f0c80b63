import assert from "node:assert/strict"
import { test } from "node:test"
import { Tickets } from "./tickets.ts"

const placed = (ticket: string, number: number, joined = false) => ({ kind: "placed", task: "t", ticket, number, joined }) as const
const tallied = (ticket: string, count: number, done: boolean) => ({ kind: "tallied", task: "t", ticket, count, done }) as const

test("whoever enqueues is told the run of each input, in whatever order they are placed", async () => {
  const tickets = new Tickets(1_000)
  const ticket = tickets.open()
  tickets.onPlaced(placed(`${ticket.name}.1`, 8, true))
  const all = ticket.placed(2)
  tickets.onPlaced(placed(`${ticket.name}.0`, 7))
  assert.deepEqual(await all, { numbers: [7, 8], fresh: false, isOther: false })
  ticket.close()
})

test("what a node that is gone has asked is told to nobody of the next", async () => {
  const before = new Tickets(1_000).open()
  const tickets = new Tickets(2_000)
  const ticket = tickets.open()
  tickets.onPlaced(placed(`${before.name}.0`, 3))
  tickets.onPlaced(placed(`${ticket.name}.0`, 9))
  assert.deepEqual((await ticket.placed(1)).numbers, [9])
})

test("a command for many is answered with all of its runs, or with those so far", async () => {
  const tickets = new Tickets(1_000)
  const all = tickets.tallied(new AbortController().signal, async (ticket) => {
    tickets.onTallied(tallied(ticket, 1_000, false))
    tickets.onTallied(tallied(ticket, 1_200, true))
  })
  assert.deepEqual(await all, { count: 1_200, done: true })
  const over = new AbortController()
  const some = tickets.tallied(over.signal, async (ticket) => tickets.onTallied(tallied(ticket, 1_000, false)))
  over.abort()
  assert.deepEqual(await some, { count: 1_000, done: false })
  await assert.rejects(tickets.tallied(over.signal, () => Promise.reject(new RangeError("no such task"))), RangeError)
})
