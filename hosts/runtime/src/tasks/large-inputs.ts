/** Puts the large inputs of a request into the object store before the request is taken: V1 of stored-value.ts. */
import type { InputFormat } from "@millrace/engine"
import { limits } from "@millrace/model"
import type { Values } from "./values.ts"

const lineEnd = 10

/** Where the large inputs of a body lie now, by their index among its inputs. */
export async function largeOf(task: string, body: Uint8Array, format: InputFormat, values: Values): Promise<ReadonlyMap<number, string>> {
  const stored = new Map<number, string>()
  if (body.length <= limits.taskValueBytesMax || body.length > limits.requestBytesMax) return stored
  if (format === "json") {
    stored.set(0, await values.put(task, body))
    return stored
  }
  let index = 0
  for (let from = 0; from < body.length; ) {
    const found = body.indexOf(lineEnd, from)
    const to = found < 0 ? body.length : found
    const line = body.subarray(from, to)
    from = to + 1
    // Blank lines are no inputs.
    if (isBlank(line)) continue
    if (line.length > limits.taskValueBytesMax) stored.set(index, await values.put(task, line))
    index++
  }
  return stored
}

const decoder = new TextDecoder()

function isBlank(line: Uint8Array): boolean {
  const [first = 32] = line
  return (first <= 32 || first >= 128) && decoder.decode(line).trim() === ""
}
