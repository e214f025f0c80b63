/** Makes a run of a task of each record: the record's transaction enqueues it, so exactly once. */
import { jsonOf, MillraceError, type OperatorPlan, writeValue } from "@millrace/model"
import type { Push, StageContext } from "../context.ts"
import { enqueueCommand } from "../tasks/input.ts"
import type { EnqueueFacts } from "../tasks/task-command.ts"
import { asynchronous } from "./functions.ts"
import type { Target } from "./to-stream.ts"

type Plan = Extract<OperatorPlan, { kind: "to-task" }>

export function toTask({ task }: Plan, target: Target, context: StageContext): Push {
  const plan = context.plan.tasks.find(({ name }) => name === task)
  const code = context.program.tasks.get(task)
  if (plan === undefined || code === undefined) throw new Error(`plan of ${context.plan.service}: task ${task} is missing`)
  return (value) => {
    if (value instanceof Promise) throw asynchronous(`task "${task}"`)
    const form = jsonOf(value)
    if ("fault" in form) throw new MillraceError("MR1023", `task "${task}", input: ${form.fault}.`)
    const { json: text } = form
    // What JSON makes of it is what the run will get.
    const facts: EnqueueFacts = { trigger: "record", ...context.trace() }
    const command = enqueueCommand(plan, code, JSON.parse(text), text, facts)
    const block = target.blockFor("")
    const from = block.length
    writeValue(block.beginRecord("", context.now), command)
    block.endRecord(from)
    context.outputs.grew(block.length - from)
  }
}
