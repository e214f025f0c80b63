/**
 * One call of a task's code: checks its input, runs it, checks what it gives, and says how it ended for each of its runs. Where it
 * runs, and what its context reaches, is the host's.
 */
import { type ErrorData, MillraceError, type TaskCode, type TaskContext, type TaskPlan, errorData, isMillraceError, jsonOf, limits, sameJsonOf } from "@millrace/model"
import type { CalledRun, Outcome } from "./effects.ts"
import { fitting, fittingSoon } from "./input.ts"
import { type ValueStore, isStored } from "./stored-value.ts"

/** What a host gives to a call. */
export interface CallHost {
  readonly ctx: TaskContext
  /** Lines that the code logs: those that are there when it ends go with its outcome. */
  readonly logs: readonly string[]
  /** Runs the code, so that the host knows whose it is. @default just runs it */
  enter?(run: () => unknown): unknown
  /** Where large values lie; undefined: there are none. */
  readonly values?: ValueStore
  /** The outputs are read as a stream, so that they have to be records. */
  readonly streamed?: boolean
}

export async function outcomesOf(plan: TaskPlan, code: TaskCode, lease: number, given: readonly CalledRun[], host: CallHost): Promise<readonly Outcome[]> {
  const { values } = host
  if (values === undefined) return plainOutcomes(plan, code, lease, given, host)
  try {
    const runs = given.some(({ input }) => isStored(input)) ? await Promise.all(given.map(async (run) => loaded(run, values))) : given
    const outcomes = await plainOutcomes(plan, code, lease, runs, host)
    if (!outcomes.some(isLarge)) return outcomes
    return await Promise.all(
      outcomes.map(async (outcome) => {
        if (!isLarge(outcome)) return outcome
        try {
          return { ...outcome, output: await values.put(plan.name, outcome.output) }
        } catch (thrown) {
          return failed(outcome.number, lease, thrown, code, outcome.logs ?? [])
        }
      }),
    )
  } catch (thrown) {
    return given.map(({ number }) => failed(number, lease, thrown, code, host.logs))
  }
}

async function loaded(run: CalledRun, values: ValueStore): Promise<CalledRun> {
  return isStored(run.input) ? { ...run, input: await values.get(run.input) } : run
}

function isLarge(outcome: Outcome): outcome is Extract<Outcome, { kind: "succeeded" }> {
  return outcome.kind === "succeeded" && outcome.output.length > limits.taskValueBytesMax
}

async function plainOutcomes(plan: TaskPlan, code: TaskCode, lease: number, runs: readonly CalledRun[], host: CallHost): Promise<readonly Outcome[]> {
  const what = `task "${plan.name}"`
  const { ctx, logs, enter = (run) => run() } = host
  const most = host.values === undefined || host.streamed === true ? limits.taskValueBytesMax : limits.storedValueBytesMax
  const call = code.run as (input: unknown, ctx: TaskContext) => unknown
  const inputOf = ({ input }: CalledRun): unknown => fitting(JSON.parse(input), code.input, "MR1023", `${what}, input`)
  const outcome = (number: number, given: unknown): Outcome => {
    if (given instanceof Error && plan.batch !== null) return failed(number, lease, given, code, logs)
    try {
      const output = outputText(given, code.output !== undefined, most, `${what}, output`)
      return logs.length === 0 ? { kind: "succeeded", number, lease, output } : { kind: "succeeded", number, lease, output, logs }
    } catch (thrown) {
      return failed(number, lease, thrown, code, logs)
    }
  }
  // Without a schema there is nothing to wait for.
  const checked = async (number: number, given: unknown): Promise<Outcome> => {
    try {
      const own = given instanceof Error && plan.batch !== null
      return outcome(number, own ? given : await fittingSoon(given, code.output, "MR1206", `${what}, output`))
    } catch (thrown) {
      return failed(number, lease, thrown, code, logs)
    }
  }
  try {
    if (plan.batch === null) {
      const [first] = runs as readonly [CalledRun]
      const input = inputOf(first)
      const given = await enter(() => call(input, ctx))
      return [code.output === undefined ? outcome(first.number, given) : await checked(first.number, given)]
    }
    const inputs = runs.map(inputOf)
    const given = await enter(() => call(inputs, ctx))
    if (!Array.isArray(given) || given.length !== runs.length) {
      throw new MillraceError("MR1206", `${what}: its code must give an array of ${runs.length} results, one for each input.`)
    }
    if (code.output === undefined) return runs.map(({ number }, i) => outcome(number, given[i]))
    return await Promise.all(runs.map(async ({ number }, i) => checked(number, given[i])))
  } catch (thrown) {
    return runs.map(({ number }) => failed(number, lease, thrown, code, logs))
  }
}

const nothing = { json: "null" }

/**
 * The JSON of an output.
 *
 * @param made - whether a schema has made it: then its type promises that what is read is what was made
 * @throws MR1206
 */
function outputText(given: unknown, made: boolean, most: number, what: string): string {
  const form = given === undefined ? nothing : made ? sameJsonOf(given) : jsonOf(given)
  if ("fault" in form) throw new MillraceError("MR1206", made ? `${what}: what its schema gives is not JSON: ${form.fault}.` : `${what}: ${form.fault}.`)
  const { json: output } = form
  if (output.length > most) {
    const mend = most < limits.storedValueBytesMax ? ", as it becomes a record of a stream that is read; give less, or the place of a file" : ""
    throw new MillraceError("MR1206", `${what}: it has ${output.length} bytes; at most ${most} are kept${mend}.`, { bytes: output.length, most })
  }
  return output
}

/**
 * The JSON of what an attempt tells whoever watches its run.
 *
 * @throws MR1206 naming the place
 */
export function toldText(task: string, what: "progress" | "stream", value: unknown): string {
  const form = jsonOf(value)
  if ("fault" in form) throw new MillraceError("MR1206", `task "${task}", ${what}: ${form.fault}.`)
  const { json } = form
  const most = limits.taskValueBytesMax
  if (json.length > most) throw new MillraceError("MR1206", `task "${task}", ${what}: it has ${json.length} bytes; at most ${most} are told at once. Tell it in parts.`, { bytes: json.length, most })
  return json
}

function failed(number: number, lease: number, thrown: unknown, code: TaskCode, logs: readonly string[]): Outcome {
  const outcome = { kind: "failed" as const, number, lease, error: userError(thrown), logs }
  // The same code would give the same input, or output, again.
  const hopeless = isMillraceError(thrown) && (thrown.code === "MR1206" || thrown.code === "MR1023" || thrown.code === "MR1212")
  if (hopeless || code.final?.(thrown) === true) return { ...outcome, final: true }
  const afterMs = code.afterMs?.(thrown)
  return afterMs === undefined ? outcome : { ...outcome, afterMs }
}

/** Longest stack that is kept of an error, in characters. */
const stackLengthMax = 8_192

function userError(thrown: unknown): ErrorData {
  const data = errorData(thrown)
  if (data.code !== "MR1404") return data
  const stack = thrown instanceof Error && typeof thrown.stack === "string" ? thrown.stack.slice(0, stackLengthMax) : undefined
  return { code: "MR1201", message: data.message, details: stack === undefined ? {} : { stack } }
}

/** Adds a line to those that an attempt keeps: the newest, each cut to its bound. */
export function addLine(logs: string[], parts: readonly unknown[]): void {
  if (logs.length === limits.attemptLinesMax) logs.shift()
  logs.push(parts.map(plain).join(" ").slice(0, limits.attemptLineLengthMax))
}

function plain(part: unknown): string {
  if (typeof part === "string") return part
  if (part instanceof Error) return errorData(part).message
  try {
    return JSON.stringify(part, shown) ?? String(part)
  } catch {
    return String(part)
  }
}

/** What JSON would leave out of a line that people read. */
function shown(_: string, part: unknown): unknown {
  if (part instanceof Error) return errorData(part).message
  if (part instanceof Map || part instanceof Set) return [...part]
  return typeof part === "bigint" ? String(part) : part
}
