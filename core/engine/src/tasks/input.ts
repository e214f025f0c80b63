/** From what a caller gives to what a task is told: checks the input and asks the task's functions about it. */
import { MillraceError, type SchemaResult, type StandardSchema, type TaskCode, type TaskPlan, checkJsonDepth, limits, priorityMost } from "@millrace/model"
import { checkedKey } from "../event-time.ts"
import { schemaFaults } from "../schema-faults.ts"
import type { EnqueueFacts, TaskCommand } from "./task-command.ts"

/**
 * The command that makes a run of an input.
 *
 * @param value - as JSON gives it; `text` is its JSON
 * @param stored - where the JSON lies, when it is a large value
 * @throws MR1023 with each fault and its path, MR1212 for an asynchronous schema, MR1013 when it is too large, MR1034 when it is too deep, MR1201 when
 * the task's functions do not answer well
 */
export function enqueueCommand(plan: TaskPlan, code: TaskCode, value: unknown, text: string, facts: EnqueueFacts, stored?: string): TaskCommand {
  const what = `task "${plan.name}"`
  const most = stored === undefined ? limits.taskValueBytesMax : limits.storedValueBytesMax
  if (text.length > most) {
    throw new MillraceError("MR1013", `${what}: an input of ${text.length} bytes; at most ${most} are taken.`, { bytes: text.length, most })
  }
  checkJsonDepth(text, `${what}, input`)
  const input = fitting(value, code.input, "MR1023", `${what}, input`)
  const key = code.key === undefined ? undefined : checkedKey((code.key as (input: unknown) => unknown)(input), what)
  const priority = facts.priority ?? (code.priority as ((input: unknown) => number) | undefined)?.(input)
  if (priority !== undefined && !(Number.isInteger(priority) && Math.abs(priority) <= priorityMost)) {
    throw new MillraceError("MR1201", `${what}: the priority ${String(priority)} is no whole number from -${priorityMost} to ${priorityMost}.`)
  }
  const withKey = key === undefined || key === "" ? facts : { ...facts, key }
  const all = priority === undefined || priority === 0 ? withKey : { ...withKey, priority }
  const kept = stored ?? text
  return Object.keys(all).length === 0 ? ["enqueue", kept] : ["enqueue", kept, all]
}

type FaultCode = "MR1023" | "MR1030" | "MR1206" | "MR1210"

/**
 * A value as a schema gives it.
 *
 * @throws `code` with each fault and its path, MR1212 when the schema is asynchronous
 */
export function fitting(value: unknown, schema: StandardSchema | undefined, code: FaultCode, what: string): unknown {
  if (schema === undefined) return value
  const result = schema["~standard"].validate(value)
  if (result instanceof Promise) {
    result.catch(() => undefined)
    // The definition is to blame, not what was given.
    throw new MillraceError("MR1212", `${what}: its schema is asynchronous; check in its code what has to wait, and here the value alone.`)
  }
  return madeOf(result, value, code, what)
}

/** The same where there is time to wait: the schema may be asynchronous. */
export function fittingSoon(value: unknown, schema: StandardSchema | undefined, code: FaultCode, what: string): unknown {
  if (schema === undefined) return value
  const result = schema["~standard"].validate(value)
  return result instanceof Promise ? result.then((soon) => madeOf(soon, value, code, what)) : madeOf(result, value, code, what)
}

function madeOf(result: SchemaResult<unknown>, value: unknown, code: FaultCode, what: string): unknown {
  if (result.issues === undefined) return result.value
  const { faults, listed } = schemaFaults(result.issues, value)
  throw new MillraceError(code, `${what}: ${listed}`, { faults })
}

/** @throws MR1209 when tasks call each other in a circle, or nearly so */
export function assertDepth(task: string, depth: number): void {
  if (depth <= limits.callDepthMax) return
  const message = `task "${task}": ${limits.callDepthMax} calls of tasks by tasks led here, and this would be one more; do tasks call each other in a circle?`
  throw new MillraceError("MR1209", message, { most: limits.callDepthMax })
}
