/**
 * `millrace replay SOURCE`: sends what failed once more. Dead letters go back to the stream that they came from, the
 * records of any other stream to the one that `--to` names. At least once: each request bears an idempotency key made
 * of where its records lie in SOURCE, so repeating a replay stores nothing twice while the node remembers the keys. For that it must cut
 * its requests alike: at multiples of `pageRecords`, and at the position where it was to end, which a repeat is told with `--until`.
 */
import { MillraceError } from "@millrace/model"
import type { Client, PartitionExtent, ReceivedRecord } from "@millrace/protocol"
import type { Command } from "commander"
import { example } from "../example.ts"
import { type AddressOptions, addAddress, clientsOf } from "../node-address.ts"
import { grouped, Progress } from "../progress.ts"
import type { Terminal } from "../terminal.ts"

interface ReplayOptions extends AddressOptions {
  readonly to?: string
  readonly until?: string
  readonly json?: true
}

/** Partitions that are read and sent at once; within one, records keep their order. */
const partitionsAtOnce = 8
/** Records of one request; at most `limits.pageRecordsMax`. */
const pageRecords = 500

export function define(command: Command, terminal: Terminal): void {
  addAddress(command)
    .argument("<SOURCE>", "dead-letter stream, or any other stream together with --to")
    .option("--to <STREAM>", "stream that takes the records (default: where each dead letter came from)")
    .option("--until <POSITION>", "replay what lies before this position, offsets joined by dots (default: the end as the replay begins)")
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
  const ends = options.until === undefined ? extents.map(({ end }) => end) : positionOf(options.until, extents)
  const work = new Replay(patient, source, options.to, ends.join("."), isDeadLetters, terminal)
  const waiting = extents.map(
    ({ partition, first }, index) =>
      () =>
        work.partition(partition, first, ends[index] ?? 0),
  )
  try {
    await Promise.all(
      Array.from({ length: partitionsAtOnce }, async () => {
        for (let next = waiting.shift(); next !== undefined && !terminal.stopped.aborted; next = waiting.shift())
          await next()
      }),
    )
  } catch (error) {
    work.sayHowToRepeat()
    throw error
  }
  work.report(options.json === true)
}

/** @throws MR1601 for a position that is none of this stream */
function positionOf(until: string, extents: readonly PartitionExtent[]): readonly number[] {
  const offsets = until.split(".").map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : Number.NaN))
  if (offsets.length === extents.length && offsets.every((offset, index) => offset <= (extents[index]?.end ?? 0))) return offsets
  throw new MillraceError("MR1601", `--until ${until} is no position of this stream: it has ${extents.length} partitions, which end at ${extents.map(({ end }) => end).join(".")}.`)
}

/** A dead letter as far as a replay needs it. */
interface Letter {
  readonly stream: string
  readonly operator: string
  readonly isRecord?: boolean
  readonly value: unknown
}

class Replay {
  readonly #client: Client
  readonly #source: string
  readonly #to: string | undefined
  readonly #until: string
  readonly #isDeadLetters: boolean
  readonly #terminal: Terminal
  readonly #progress: Progress
  #sent = 0
  #rejected = 0
  #skipped = 0

  constructor(client: Client, source: string, to: string | undefined, until: string, isDeadLetters: boolean, terminal: Terminal) {
    this.#client = client
    this.#source = source
    this.#to = to
    this.#until = until
    this.#isDeadLetters = isDeadLetters
    this.#terminal = terminal
    this.#progress = new Progress(terminal, `replay ${source}`, "records")
  }

  /** Sends the records of one partition that lie before `end`, in order. */
  async partition(partition: number, first: number, end: number): Promise<void> {
    for (let from = first; from < end && !this.#terminal.stopped.aborted; ) {
      const cut = Math.min(end, (Math.floor(from / pageRecords) + 1) * pageRecords)
      const records = await this.#between(partition, from, cut)
      if (this.#isDeadLetters) for (const record of records) await this.#letter(record as ReceivedRecord<Letter>)
      else if (records.length > 0) await this.#records(partition, records)
      from = cut
    }
  }

  /** All records of [from, to): a page may hold fewer, as its bytes are bounded, too. */
  async #between(partition: number, from: number, to: number): Promise<readonly ReceivedRecord[]> {
    const records: ReceivedRecord[] = []
    for (let at = from; at < to; ) {
      const page = await this.#client.read(this.#source, { partition, from: at, limit: to - at })
      records.push(...page.records.filter(({ offset }) => offset < to))
      if (page.next <= at) break
      at = page.next
    }
    return records
  }

  /** What broke off is repeated without sending anything twice, whatever has come since. */
  sayHowToRepeat(): void {
    const to = this.#to === undefined ? "" : ` --to ${this.#to}`
    this.#say(`To go on where this stopped, and store nothing twice: millrace replay ${this.#source}${to} --until ${this.#until}`)
  }

  report(json: boolean): void {
    this.#progress.clear()
    const facts = { source: this.#source, until: this.#until, sent: this.#sent, rejected: this.#rejected, skipped: this.#skipped }
    const parts = [`${grouped(this.#sent)} records of ${this.#source} sent once more`]
    if (this.#rejected > 0) parts.push(`${grouped(this.#rejected)} rejected`)
    if (this.#skipped > 0) parts.push(`${grouped(this.#skipped)} skipped`)
    this.#terminal.out(`${json ? JSON.stringify(facts) : parts.join("; ")}\n`)
    if (this.#terminal.stopped.aborted) this.sayHowToRepeat()
    if (this.#rejected > 0 || this.#skipped > 0 || this.#terminal.stopped.aborted) this.#terminal.exitCode = 1
  }

  async #letter({ partition, offset, value }: ReceivedRecord<Letter>): Promise<void> {
    // What failed behind an operator is mostly what operators have made, not a record of the stream.
    const isRecord = value.operator === value.stream || value.operator === "decode" || value.isRecord === true
    if (this.#to === undefined && !isRecord) {
      this.#skipped++
      this.#say(
        `${this.#source} ${partition}@${offset} failed in ${value.operator} and is not a record of ${value.stream} ` +
          `but what operators have made of it; name a stream for it with --to.`,
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
