/**
 * `millrace replay SOURCE`: sends what failed once more. Dead letters go back to the stream that they came from, the
 * records of any other stream to the one that `--to` names. At least once: each request bears an idempotency key made
 * of where its records lie in SOURCE, so repeating a replay stores nothing twice while the node remembers the keys.
 */
import { limits, MillraceError } from "@millrace/model"
import type { Client, ReceivedRecord } from "@millrace/protocol"
import type { Command } from "commander"
import { example } from "../example.ts"
import { type AddressOptions, addAddress, clientsOf } from "../node-address.ts"
import { grouped, Progress } from "../progress.ts"
import type { Terminal } from "../terminal.ts"

interface ReplayOptions extends AddressOptions {
  readonly to?: string
  readonly json?: true
}

/** Partitions that are read and sent at once; within one, records keep their order. */
const partitionsAtOnce = 8
const pageRecords = 500

export function define(command: Command, terminal: Terminal): void {
  addAddress(command)
    .argument("<SOURCE>", "dead-letter stream, or any other stream together with --to")
    .option("--to <STREAM>", "stream that takes the records (default: where each dead letter came from)")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      example(
        "millrace replay flights.dead-letter",
        "Mend the cause first; what fails again becomes a dead letter again.",
      ),
    )
    .action((source: string, options: ReplayOptions) => replay(source, options, terminal))
}

async function replay(source: string, options: ReplayOptions, terminal: Terminal): Promise<void> {
  const { impatient, patient } = clientsOf(options, terminal)
  const { role, extents = [] } = await impatient.stream(source)
  const isDeadLetters = role === "dead-letter"
  if (!isDeadLetters && options.to === undefined) {
    throw new MillraceError(
      "MR1601",
      `${source} holds no dead letters; say with --to STREAM where its records shall go.`,
    )
  }
  const work = new Replay(patient, source, options.to, isDeadLetters, terminal)
  const waiting = extents.map(
    ({ partition, first, end }) =>
      () =>
        work.partition(partition, first, end),
  )
  await Promise.all(
    Array.from({ length: partitionsAtOnce }, async () => {
      for (let next = waiting.shift(); next !== undefined && !terminal.stopped.aborted; next = waiting.shift())
        await next()
    }),
  )
  work.report(options.json === true)
}

/** A dead letter as far as a replay needs it. */
interface Letter {
  readonly stream: string
  readonly operator: string
  readonly value: unknown
}

class Replay {
  readonly #client: Client
  readonly #source: string
  readonly #to: string | undefined
  readonly #isDeadLetters: boolean
  readonly #terminal: Terminal
  readonly #progress: Progress
  #sent = 0
  #rejected = 0
  #skipped = 0

  constructor(client: Client, source: string, to: string | undefined, isDeadLetters: boolean, terminal: Terminal) {
    this.#client = client
    this.#source = source
    this.#to = to
    this.#isDeadLetters = isDeadLetters
    this.#terminal = terminal
    this.#progress = new Progress(terminal, `replay ${source}`, "records")
  }

  /** Sends the records of one partition that lie before `end`, in order. */
  async partition(partition: number, first: number, end: number): Promise<void> {
    for (let from = first; from < end && !this.#terminal.stopped.aborted;) {
      const page = await this.#client.read(this.#source, {
        partition,
        from,
        limit: Math.min(pageRecords, limits.pageRecordsMax),
      })
      const records = page.records.filter(({ offset }) => offset < end)
      if (this.#isDeadLetters) for (const record of records) await this.#letter(record as ReceivedRecord<Letter>)
      else if (records.length > 0) await this.#records(partition, records)
      if (page.next <= from) return
      from = page.next
    }
  }

  report(json: boolean): void {
    this.#progress.clear()
    const facts = { source: this.#source, sent: this.#sent, rejected: this.#rejected, skipped: this.#skipped }
    const parts = [`${grouped(this.#sent)} records of ${this.#source} sent once more`]
    if (this.#rejected > 0) parts.push(`${grouped(this.#rejected)} rejected`)
    if (this.#skipped > 0) parts.push(`${grouped(this.#skipped)} skipped`)
    this.#terminal.out(`${json ? JSON.stringify(facts) : parts.join("; ")}\n`)
    if (this.#rejected > 0 || this.#skipped > 0 || this.#terminal.stopped.aborted) this.#terminal.exitCode = 1
  }

  async #letter({ partition, offset, value }: ReceivedRecord<Letter>): Promise<void> {
    // What failed behind an operator is that operator's result, not a record of the stream.
    if (this.#to === undefined && value.operator !== value.stream && value.operator !== "decode") {
      this.#skipped++
      this.#say(
        `${this.#source} ${partition}@${offset} is a result of ${value.operator}, ` +
          `not a record of ${value.stream}; name a stream for it with --to.`,
      )
      return
    }
    await this.#send(this.#to ?? value.stream, [value.value], `${partition}@${offset}`)
  }

  async #records(partition: number, records: readonly ReceivedRecord[]): Promise<void> {
    const [from, to] = [records[0]?.offset, records.at(-1)?.offset]
    await this.#send(
      this.#to ?? "",
      records.map(({ value }) => value),
      `${partition}@${from}-${to}`,
    )
  }

  async #send(stream: string, values: readonly unknown[], place: string): Promise<void> {
    const idempotencyKey = `replay/${this.#source}/${place}`
    const reply = await this.#client.produce(stream, values, { idempotencyKey, signal: this.#terminal.stopped })
    this.#sent += reply.accepted
    this.#rejected += reply.rejected.length + (reply.rejectedUnlisted ?? 0)
    for (const { problem } of reply.rejected)
      this.#say(`${this.#source} ${place} rejected: ${problem.detail} [${problem.code}]`)
    this.#progress.update(this.#sent)
  }

  #say(words: string): void {
    this.#progress.clear()
    this.#terminal.err(`${words}\n`)
  }
}
