/** What a function may be told, and the checks of it. */
import { type ByteSize, type Duration, type FunctionPlan, limits, MillraceError, sizeBytes } from "@millrace/model"
import { checkedMs, checkedWhole, checkKeys } from "../setting.ts"

/** What functions may be told, however they are started. */
export interface FunctionSettings {
  /** A sentence for people: shown in lists and in OpenAPI. */
  readonly description?: string
  /** Longest time of one invocation, 1 s to 15 min; then its instance is ended. @default "3s", over HTTP "30s" */
  readonly timeout?: Duration
  /** Heap of one instance, 128 MB to 10,240 MB: what goes beyond it ends the instance. A number is in megabytes, as Lambda has it. @default 128 */
  readonly memory?: ByteSize
  /** Environment variables of its own, at most 4 KB in all. @default none */
  readonly env?: Readonly<Record<string, string>>
  /** Most instances at once, each with one invocation at a time; more are throttled. @default as many as the node has room for */
  readonly concurrency?: number
}

export const functionSettingNames = ["description", "timeout", "memory", "env", "concurrency"] as const

/** Set by the environment of a function itself, as Lambda's does; AWS refuses them likewise. */
const reserved: ReadonlySet<string> = new Set([
  "_HANDLER",
  "_X_AMZN_TRACE_ID",
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_DEFAULT_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_LAMBDA_RUNTIME_API",
  "AWS_REGION",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SECRET_KEY",
  "AWS_SESSION_TOKEN",
  "LAMBDA_RUNTIME_DIR",
  "LAMBDA_TASK_ROOT",
])

type Settings = Pick<FunctionPlan, "timeoutMs" | "memoryMegabytes" | "env" | "concurrency"> & { readonly description?: string }

/** @throws MR1101 */
export function functionSettings(given: FunctionSettings, timeoutDefault: Duration, timeoutMsMax: number, what: string): Settings {
  const { description, timeout = timeoutDefault, memory = 128, env = {}, concurrency } = given
  const timeoutMs = checkedMs(timeout, `${what}, timeout`, limits.functionMsMin)
  if (timeoutMs > timeoutMsMax) {
    throw new MillraceError("MR1101", `${what}, timeout: ${JSON.stringify(timeout)} is more than ${timeoutMsMax / 1000} s, the longest that there is.`, { given: timeout })
  }
  return {
    ...(description === undefined ? {} : { description }),
    timeoutMs,
    memoryMegabytes: megabytes(memory, `${what}, memory`),
    env: Object.freeze(checkedEnv(env, `${what}, env`)),
    concurrency: concurrency === undefined ? null : checkedWhole(concurrency, 1, limits.functionConcurrencyMax, `${what}, concurrency`),
  }
}

function megabytes(given: ByteSize, what: string): number {
  const whole = typeof given === "number" ? given : sizeBytes(given, what) / 1_048_576
  return checkedWhole(Math.ceil(whole), limits.functionMegabytesMin, limits.functionMegabytesMax, `${what} in MB`)
}

function checkedEnv(given: Readonly<Record<string, string>>, what: string): Record<string, string> {
  checkKeys(given, Object.keys(given ?? {}), what)
  let length = 0
  for (const [name, value] of Object.entries(given)) {
    if (!/^[A-Za-z][A-Za-z0-9_]+$/.test(name)) {
      throw new MillraceError("MR1101", `${what}: ${JSON.stringify(name)} is not a name of a variable: letters, digits and "_", at least two, beginning with a letter.`, { given: name })
    }
    if (reserved.has(name)) {
      throw new MillraceError("MR1101", `${what}: ${name} is set by the environment of the function itself. Name it otherwise, or set it for the node.`, { given: name })
    }
    if (typeof value !== "string") throw new MillraceError("MR1101", `${what}, ${name}: expected a text, got ${value === null ? "null" : typeof value}.`, { given: name })
    length += name.length + value.length
  }
  if (length > limits.functionEnvLengthMax) {
    throw new MillraceError("MR1101", `${what}: names and values have ${length} characters; at most ${limits.functionEnvLengthMax} are taken. Keep large values in a file or on S3.`, { length })
  }
  return { ...given }
}
