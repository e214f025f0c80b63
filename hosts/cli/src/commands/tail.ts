/** `millrace tail STREAM`: shows records as they come, or those that are there. */
import { limits, MillraceError } from "@millrace/model"
import { type Client, parsePosition, type ReceivedRecord } from "@millrace/protocol"
import type { Command } from "commander"
import { example } from "../example.ts"
import { type AddressOptions, addAddress, clientsOf } from "../node-address.ts"
import { wholeNumber } from "../option-values.ts"
import type { Terminal } from "../terminal.ts"

interface TailOptions extends AddressOptions {
  readonly from?: string
  readonly partition?: number
  readonly limit?: number
  readonly follow: boolean
  readonly json?: true
}

export function define(command: Command, terminal: Terminal): void {
  addAddress(command)
    .argument("<STREAM>", "stream to show")
    .option(
      "--from <WHERE>",
      "earliest, latest, a time (ISO 8601), or a position (default: latest; with --no-follow: earliest)",
    )
    .option("--partition <N>", "only this partition", wholeNumber(0, limits.partitionsMax - 1))
    .option("--limit <N>", "stop after so many records", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("--follow", "wait for more records", true)
    .option("--no-follow", "stop at the end of what is there, partition by partition")
    .option("--json", "print each record as one line of JSON")
    .addHelpText(
      "after",
      example(
        "millrace tail flights --from earliest --limit 10",
        "A position is the next offset of each partition joined by dots (12.40.0), or with --partition one offset.",
      ),
    )
    .action((stream: string, options: TailOptions) => tail(stream, options, terminal))
}

async function tail(stream: string, options: TailOptions, terminal: Terminal): Promise<void> {
  const { impatient, patient } = clientsOf(options, terminal)
  const { partitions } = await impatient.stream(stream)
  const { partition, limit = Infinity, follow, json } = options
  if (partition !== undefined && partition >= partitions) {
    throw new MillraceError("MR1601", `${stream} has the partitions 0 to ${partitions - 1}; there is no ${partition}.`)
  }
  const records = follow
    ? following(patient, stream, fromOf(options, partitions), partition, terminal.stopped)
    : present(patient, stream, options, partitions, terminal.stopped)
  let shown = 0
  for await (const record of records) {
    terminal.out(json ? `${JSON.stringify(record)}\n` : lineOf(record))
    await terminal.drained()
    if (++shown >= limit || terminal.stopped.aborted) return
  }
}

/** A lone offset with `--partition` means that partition; elsewhere nothing is known, so it stands for the earliest. */
function fromOf({ from, partition }: TailOptions, partitions: number): string | undefined {
  if (from === undefined || partition === undefined || !/^\d+$/.test(from)) return from
  return Array.from({ length: partitions }, (_, each) => (each === partition ? from : "0")).join(".")
}

async function* following(
  client: Client,
  stream: string,
  from: string | undefined,
  partition: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<ReceivedRecord> {
  for await (const { record } of client.live(stream, from === undefined ? { signal } : { from, signal })) {
    if (partition === undefined || record.partition === partition) yield record
  }
}

async function* present(
  client: Client,
  stream: string,
  { from = "earliest", partition }: TailOptions,
  partitions: number,
  signal: AbortSignal,
): AsyncGenerator<ReceivedRecord> {
  const position = parsePosition(from)
  const wanted = partition === undefined ? Array.from({ length: partitions }, (_, each) => each) : [partition]
  for (const each of wanted) {
    const start = position === undefined || partition !== undefined ? from : String(position[each] ?? 0)
    yield* partitionRecords(client, stream, each, start, signal)
  }
}

/** The records of a partition up to what was its end as the first page was read. */
async function* partitionRecords(
  client: Client,
  stream: string,
  partition: number,
  start: string,
  signal: AbortSignal,
): AsyncGenerator<ReceivedRecord> {
  let end: number | undefined
  let from = start
  while (!signal.aborted) {
    const page = await client.read(stream, { partition, from, limit: 1000 })
    end ??= page.end
    for (const record of page.records) {
      if (record.offset >= end) return
      yield record
    }
    if (page.next >= end) return
    from = String(page.next)
  }
}

function lineOf({ partition, offset, time, key, value }: ReceivedRecord): string {
  return `${partition}@${offset}  ${time}  ${key === "" ? "-" : key}  ${JSON.stringify(value)}\n`
}
