/**
 * `millrace produce STREAM [FILE]`: sends records in order, one request at a time, each under an idempotency key made
 * of the run's name and the batch's number. So trying again stores nothing twice, and neither does running the command
 * again with the same input, batch size and `--run`.
 */
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { createWriteStream, type WriteStream } from "node:fs"
import { type FileFormat, limits, MillraceError } from "@millrace/model"
import type { Client, RejectedRecord } from "@millrace/protocol"
import { type Command, Option } from "commander"
import { type Batch, batchesOf, ndjsonOf } from "../batches.ts"
import { example } from "../example.ts"
import { type AddressOptions, addAddress, clientsOf } from "../node-address.ts"
import { wholeNumber } from "../option-values.ts"
import { grouped, Progress } from "../progress.ts"
import { openSource } from "../source.ts"
import type { Terminal } from "../terminal.ts"

interface ProduceOptions extends AddressOptions {
  readonly format?: FileFormat
  readonly batch: number
  readonly run?: string
  readonly rejected?: string
  readonly json?: true
}

/** Rejected records that are shown on stderr; the rest are counted. */
const rejectionsShownMax = 20

export function define(command: Command, terminal: Terminal): void {
  addAddress(command)
    .argument("<STREAM>", "stream that takes the records")
    .argument("[FILE]", "NDJSON, CSV or Parquet file; - or nothing: standard input", "-")
    .addOption(
      new Option(
        "--format <FORMAT>",
        "format of the input (default: by the file's name; standard input: ndjson)",
      ).choices(["ndjson", "ndjson.gz", "csv", "parquet"]),
    )
    .option("--batch <RECORDS>", "most records of a request", wholeNumber(1, limits.requestRecordsMax), 1000)
    .option("--run <NAME>", "name of this run: repeating a run stores nothing twice (default: a new one)")
    .option("--rejected <FILE>", "write rejected records with their problems to this file as NDJSON")
    .option("--json", "print the result as JSON")
    .addHelpText("after", example("millrace produce flights flights-3m.parquet --rejected rejected.ndjson"))
    .action((stream: string, file: string, options: ProduceOptions) => produce(stream, file, options, terminal))
}

async function produce(stream: string, file: string, options: ProduceOptions, terminal: Terminal): Promise<void> {
  const source = await openSource(file, terminal.stdin, options.format)
  const { impatient, patient } = clientsOf(options, terminal)
  await impatient.stream(stream)
  const run = new Run(stream, options, patient, terminal)
  await run.send(batchesOf(source, options.batch))
  run.report()
}

/** One run: what was sent and what became of it. */
class Run {
  readonly #stream: string
  readonly #name: string
  readonly #client: Client
  readonly #terminal: Terminal
  readonly #json: boolean
  readonly #progress: Progress
  readonly #started: number
  readonly #file: WriteStream | undefined
  #accepted = 0
  #rejected = 0
  /** Rejections that were told one by one. */
  #shown = 0

  constructor(stream: string, { run, rejected, json }: ProduceOptions, client: Client, terminal: Terminal) {
    this.#stream = stream
    this.#name = run ?? randomUUID()
    this.#client = client
    this.#terminal = terminal
    this.#json = json === true
    this.#progress = new Progress(terminal, `to ${stream}`, "records")
    this.#started = terminal.now()
    this.#file = rejected === undefined ? undefined : createWriteStream(rejected)
  }

  /** One request in flight keeps the order; meanwhile the next batch is read. */
  async send(batches: AsyncIterable<Batch>): Promise<void> {
    let inFlight = Promise.resolve()
    try {
      for await (const batch of batches) {
        await inFlight
        if (this.#terminal.stopped.aborted) break
        inFlight = this.#sendOne(batch)
        // Awaited in the next round; until then a failure has been seen to.
        inFlight.catch(() => {})
      }
      await inFlight
    } catch (error) {
      throw this.#unfinished(error)
    } finally {
      this.#progress.clear()
      if (this.#file !== undefined) {
        this.#file.end()
        await once(this.#file, "close")
      }
    }
    if (this.#terminal.stopped.aborted)
      throw this.#unfinished(new MillraceError("MR1602", "Stopped before the end of the input."))
  }

  report(): void {
    const seconds = (this.#terminal.now() - this.#started) / 1000
    const facts = { stream: this.#stream, accepted: this.#accepted, rejected: this.#rejected, seconds, run: this.#name }
    const rate = grouped(Math.round(this.#accepted / Math.max(0.001, seconds)))
    const bad = this.#rejected === 0 ? "" : `; ${grouped(this.#rejected)} rejected`
    const stored = `${grouped(this.#accepted)} records stored in ${this.#stream}`
    const words = `${stored} in ${seconds.toFixed(1)} s (${rate}/s)${bad}`
    const more = this.#file === undefined ? this.#rejected - this.#shown : 0
    if (more > 0 && !this.#json) this.#terminal.err(`${grouped(more)} more were rejected; --rejected FILE writes all of them down, each with its problem.\n`)
    this.#terminal.out(`${this.#json ? JSON.stringify(facts) : words}\n`)
    if (this.#rejected > 0) this.#terminal.exitCode = 1
  }

  async #sendOne(batch: Batch): Promise<void> {
    const reply = await this.#client.produce(this.#stream, ndjsonOf(batch), {
      idempotencyKey: `${this.#name}-${batch.number}`,
      signal: this.#terminal.stopped,
    })
    this.#accepted += reply.accepted
    this.#rejected += reply.rejected.length + (reply.rejectedUnlisted ?? 0)
    for (const rejection of reply.rejected) this.#tell(batch, rejection)
    this.#progress.update(this.#accepted, this.#rejected === 0 ? "" : `${grouped(this.#rejected)} rejected`)
  }

  #tell(batch: Batch, { index, problem }: RejectedRecord): void {
    const record = batch.records[index]
    const number = record?.number ?? 0
    if (this.#file !== undefined) {
      this.#file.write(`${JSON.stringify({ number, problem, record: record?.json })}\n`)
    } else if (this.#shown < rejectionsShownMax) {
      this.#shown++
      this.#progress.clear()
      this.#terminal.err(
        this.#json
          ? `${JSON.stringify({ number, problem })}\n`
          : `record ${number} rejected: ${problem.detail} [${problem.code}]\n`,
      )
    }
  }

  #unfinished(error: unknown): unknown {
    if (!(error instanceof Error) || this.#accepted === 0) return error
    const { code, details } = error as Partial<MillraceError>
    return new MillraceError(
      code ?? "MR1602",
      `${error.message} ${grouped(this.#accepted)} records are stored; ` +
        `the same command with --run ${this.#name} sends the rest and stores nothing twice.`,
      { ...details, run: this.#name, accepted: this.#accepted },
      error,
    )
  }
}
