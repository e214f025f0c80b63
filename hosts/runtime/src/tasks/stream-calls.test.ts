// Functions of streams that call tasks, on a node.
import assert from "node:assert/strict"
import { it } from "node:test"
import type { DeadLetter } from "@millrace/engine"
import { figure, idle, openNode, send, until, valuesOf } from "../../test/bench.ts"

it("a stream's function that calls a task is refused, with its name and what to do instead", async (t) => {
  const { node } = await openNode(t, ["asking-tasks"])
  await send(node, "cards", [{ card: "a" }])
  await until("the record is a dead letter", () => figure(node, "millrace_stage_dead_letters_total") > 0)
  await idle(node)
  const [{ error, operator }] = (await valuesOf<DeadLetter>(node, "cards.dead-letter")) as [DeadLetter]
  assert.deepEqual([error.code, operator], ["MR1201", "ask"])
  assert.match(error.message, /^operator "ask": its code called task "freeze", and functions of streams call no tasks: .* Send records to the task with \.to\(task\)/)
})
