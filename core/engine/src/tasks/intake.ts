/**
 * From the body of a request to the commands that make runs of it: decodes and checks each input. Runs on a worker, beside the
 * stages. A body is taken whole or not at all.
 */
import { BlockWriter, MillraceError, type TaskCode, type TaskPlan, errorData, isMillraceError, limits, writeValue } from "@millrace/model"
import type { Ingested, IngestPoison, Rejected } from "../ingest.ts"
import { enqueueCommand } from "./input.ts"
import type { EnqueueFacts } from "./task-command.ts"

/** `json`: the body is one input; `ndjson`: each line is one. */
export type InputFormat = "json" | "ndjson"

const lineEnd = 10

const text = new TextDecoder("utf-8", { fatal: true })

export class TaskIntake {
  readonly #plan: TaskPlan
  readonly #code: TaskCode
  readonly #cursor: Float64Array
  readonly #block = new BlockWriter()

  /** @param cursor - gets the index of each input before user code sees it */
  constructor(plan: TaskPlan, code: TaskCode, cursor: Float64Array) {
    this.#plan = plan
    this.#code = code
    this.#cursor = cursor
  }

  /**
   * @param facts - said of each input; a ticket gets the input's index after a dot, the idempotency key of one of many after a slash
   * @param now - the clock, in ms
   * @param stored - where inputs lie that are large values, by their index
   * @throws MR1001 for a text that is not UTF-8, MR1007 for too many inputs
   */
  take(body: Uint8Array, format: InputFormat, facts: EnqueueFacts, now: number, poison?: IngestPoison, stored?: ReadonlyMap<number, string>): Ingested {
    const block = this.#block
    const values: unknown[] = []
    const rejected: Rejected[] = []
    let unlisted = 0
    try {
      const inputs = inputsOf(body, format)
      for (const [index, line] of inputs.entries()) {
        if (index >= limits.requestRecordsMax) {
          throw new MillraceError("MR1007", `A request carries at most ${limits.requestRecordsMax} inputs; send more requests.`, { most: limits.requestRecordsMax })
        }
        this.#cursor[0] = index
        try {
          const reason = poison?.get(index)
          if (reason !== undefined) throw new MillraceError(reason.code, reason.message, reason.details)
          const own = this.#factsOf(facts, format, index, inputs.length)
          const command = enqueueCommand(this.#plan, this.#code, parsed(line), line, own, stored?.get(index))
          const from = block.length
          writeValue(block.beginRecord("", now), command)
          block.endRecord(from)
          values.push(command)
        } catch (fault) {
          if (rejected.length < limits.rejectionsListedMax) rejected.push({ index, problem: faultOf(fault, this.#plan.name) })
          else unlisted++
        }
      }
      const { count } = block
      if (rejected.length > 0 || count === 0) return { accepted: 0, rejected, rejectedUnlisted: unlisted, appends: [], batches: [] }
      const bytes = block.take()
      const [keys, times] = [values.map(() => ""), values.map(() => now)]
      return {
        accepted: count,
        rejected,
        rejectedUnlisted: unlisted,
        appends: [{ stream: this.#plan.commands, partition: 0, count, block: bytes }],
        batches: [{ base: 0, count, kinds: undefined, values, keys, times, upstreams: undefined, bytes: bytes.length }],
      }
    } finally {
      block.rewind(0, 0)
    }
  }

  /** Each input has a ticket of its own, and each of many an idempotency key of its own. */
  #factsOf(facts: EnqueueFacts, format: InputFormat, index: number, among: number): EnqueueFacts {
    const { ticket, idempotencyKey } = facts
    if (ticket === undefined) return facts
    const ticketed = { ...facts, ticket: `${ticket}.${index}` }
    if (idempotencyKey === undefined || format === "json") return ticketed
    const keyed = { ...ticketed, idempotencyKey: `${idempotencyKey}/${index}` }
    // Where one may join an earlier run, their numbers do not follow each other.
    return this.#plan.throttleMs !== null || this.#plan.debounce !== null ? keyed : { ...keyed, among }
  }
}

/** Nobody's code: what `TaskIntake` asks of inputs that may be anything. */
const nothing: TaskCode = { input: undefined, output: undefined, key: undefined, priority: undefined, final: undefined, afterMs: undefined, run: () => undefined }

/** Takes inputs, one at a time, of a task whose code does not look at them (`plainInputs`), so on any thread. */
export class PlainIntake {
  readonly #intake: TaskIntake

  constructor(plan: TaskPlan) {
    if (!plan.plainInputs) throw new Error(`task ${plan.name}: its code looks at its inputs`)
    this.#intake = new TaskIntake(plan, nothing, new Float64Array(1))
  }

  /** Whether a body is one input, and small enough to be taken at once. */
  takes(body: Uint8Array, format: InputFormat): boolean {
    return body.length <= limits.intakeInlineBytesMax && (format === "json" || !body.includes(lineEnd))
  }

  take(body: Uint8Array, format: InputFormat, facts: EnqueueFacts, now: number): Ingested {
    return this.#intake.take(body, format, facts, now)
  }
}

function inputsOf(body: Uint8Array, format: InputFormat): string[] {
  let whole: string
  try {
    whole = text.decode(body)
  } catch {
    throw new MillraceError("MR1001", "The text is not valid UTF-8.")
  }
  return format === "json" ? [whole] : whole.split("\n").filter((line) => line.trim() !== "")
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new MillraceError("MR1001", `The text is not valid JSON: ${(cause as Error).message}`)
  }
}

function faultOf(fault: unknown, task: string): Rejected["problem"] {
  if (isMillraceError(fault)) return errorData(fault)
  return { code: "MR1201", message: `task "${task}": its schema, key or priority function threw: ${errorData(fault).message}`, details: {} }
}
