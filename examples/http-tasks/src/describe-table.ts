/** A task: fetches a table of CSV, or takes one, and says of each column what is in it. */
import { parse } from "csv-parse/sync"
import { NonRetryableError, task } from "millrace"
import { z } from "zod"

const input = z
  .object({ url: z.url().optional(), csv: z.string().optional(), withRows: z.boolean().default(false) })
  .refine(({ url, csv }) => (url === undefined) !== (csv === undefined), "give either a url or the csv itself")

const column = z.object({
  name: z.string(),
  missing: z.number().int(),
  distinct: z.number().int(),
  /** Of a column whose values are all numbers. */
  min: z.number().optional(),
  max: z.number().optional(),
  mean: z.number().optional(),
})

const output = z.object({
  rows: z.number().int(),
  columns: z.array(column),
  data: z.array(z.record(z.string(), z.string())).optional(),
})

export type Description = z.infer<typeof output>

export const describeTable = task("describe-table", {
  description: "Says what the columns of a table hold",
  input,
  output,
  retry: { attempts: 4, backoff: { first: "100ms", factor: 2, most: "5s" } },
  timeout: "20s",
  async run({ url, csv, withRows }, ctx) {
    const text = csv ?? (await fetched(url ?? "", ctx.signal))
    ctx.progress({ bytes: text.length })
    const records = parse<Record<string, string>>(text, { columns: true, skip_empty_lines: true })
    if (records.length === 0) throw new NonRetryableError("there are no rows in it")
    const columns = Object.keys(records[0] ?? {}).map((name) => columnOf(name, records))
    return { rows: records.length, columns, ...(withRows ? { data: records } : {}) }
  },
})

async function fetched(url: string, signal: AbortSignal): Promise<string> {
  const reply = await fetch(url, { signal })
  if (reply.ok) return await reply.text()
  const told = `${url} answered ${reply.status}`
  // A server in trouble may be well in a moment; what it refuses, it will refuse again.
  throw reply.status >= 500 || reply.status === 429 ? new Error(told) : new NonRetryableError(told)
}

function columnOf(name: string, records: readonly Record<string, string>[]): z.infer<typeof column> {
  const values = records.map((record) => record[name] ?? "").filter((value) => value !== "")
  const facts = { name, missing: records.length - values.length, distinct: new Set(values).size }
  const numbers = values.map(Number)
  if (values.length === 0 || numbers.some(Number.isNaN)) return facts
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]
  for (const n of numbers) {
    min = Math.min(min, n)
    max = Math.max(max, n)
    sum += n
  }
  return { ...facts, min, max, mean: sum / numbers.length }
}
