/**
 * One reader of a table's `live`: writes its rows to a connection as server-sent events.
 *
 *     opened ──from=earliest, or changes were missed──> begin ──> its rows ──> ready ──> changes
 *        └───────────────────── else ────────────────────────────────────────────────────^
 *
 * L5  The node is asked for more only when the reader has taken what it has; changes that come meanwhile become one for each key.
 * L6  It follows before it reads the rows that are there, so no change falls between; a row may then be told twice, never an older one last.
 */
import { errorTable, limits } from "@millrace/model"
import { eventText, heartbeatText, openingText, problemOf, tableBegun } from "@millrace/protocol"
import { failureOf, isGone, type Outgoing, written } from "./answer.ts"
import type { Clock } from "./clock.ts"
import { drained } from "./drained.ts"
import { beginLive } from "./live-reader.ts"
import type { Log } from "./log.ts"
import type { GatewayTables, NodeRows } from "./tables.ts"

/** How often a quiet reader is shown that the connection lives, and how long it waits before it comes back, in ms. */
const heartbeatMs = 15_000
const retryMs = 1_000
/** Rows of one page, where all are told. */
const pageRows = 500

export interface TableReading {
  readonly tables: GatewayTables
  readonly table: string
  readonly prefix: string
  readonly from: "earliest" | "latest"
  /** The position with which the reader comes back; empty: it is new. */
  readonly last: string
  readonly outgoing: Outgoing
}

export class TableReader {
  readonly #reading: TableReading
  readonly #clock: Clock
  readonly #log: Log
  readonly #stop: AbortController = new AbortController()
  #changes: AsyncIterator<NodeRows> | undefined
  #begins = ""

  constructor(reading: TableReading, clock: Clock, log: Log) {
    this.#reading = reading
    this.#clock = clock
    this.#log = log
  }

  /** Begins to follow: what is wrong with the request shows here. */
  async open(): Promise<void> {
    const { tables, table, prefix } = this.#reading
    this.#changes = tables.follow(table, prefix, this.#stop.signal)[Symbol.asyncIterator]()
    const first = await this.#changes.next()
    if (first.done !== true) this.#begins = first.value.position.join(".")
  }

  /** Runs until the reader leaves or {@link close} is called. Never rejects. */
  async run(): Promise<void> {
    const { outgoing, table } = this.#reading
    const cancel = this.#keepAlive()
    try {
      if (isGone(outgoing)) return
      outgoing.once("close", () => this.#stop.abort())
      beginLive(outgoing)
      await this.#tell()
    } catch (error) {
      if (this.#stop.signal.aborted) return
      const failure = failureOf(error)
      // As with streams: a reader may come back for what a retry mends.
      if (errorTable[failure.code].advice !== "retry") written(outgoing, eventText("", JSON.stringify(problemOf(failure)), "problem"))
      this.#log.error({ table, error }, "A reading of a table ended with a failure.")
    } finally {
      cancel()
      this.#stop.abort()
      await this.#changes?.return?.()
      outgoing.end()
    }
  }

  close(): void {
    this.#stop.abort()
    this.#reading.outgoing.end()
  }

  async #tell(): Promise<void> {
    const { from, last } = this.#reading
    const { signal } = this.#stop
    const returns = last !== ""
    const begins = returns ? last !== this.#begins : from === "earliest"
    if (begins) {
      const id = from === "earliest" ? tableBegun : this.#begins
      await this.#write(`retry: ${retryMs}\n${eventText(id, `{"position":"${this.#begins}"}`, "begin")}`)
      if (from === "earliest") {
        await this.#tellAll()
        await this.#write(eventText(this.#begins, "{}", "ready"))
      }
    } else await this.#write(openingText(retryMs, this.#begins))
    while (!signal.aborted) {
      const next = await this.#changes?.next()
      if (next === undefined || next.done === true) return
      await this.#writeRows(next.value.rows, next.value.position.join("."))
    }
  }

  async #tellAll(): Promise<void> {
    const { tables, table, prefix } = this.#reading
    for (let after: string | undefined; !this.#stop.signal.aborted; ) {
      const page = await tables.page(table, { prefix, limit: pageRows, ...(after === undefined ? {} : { after }) })
      await this.#writeRows(page.rows, tableBegun)
      if (!page.more) return
      after = page.rows.at(-1)?.key
    }
  }

  async #writeRows(rows: NodeRows["rows"], id: string): Promise<void> {
    let text = ""
    for (const { key, value } of rows) {
      text += eventText(id, `{"key":${JSON.stringify(key)}${value === undefined ? "" : `,"value":${value}`}}`)
      if (text.length < limits.liveBufferBytesMax) continue
      await this.#write(text)
      text = ""
    }
    if (text !== "") await this.#write(text)
  }

  /** L5. Resolves once there is room for more, or the reader has gone, or was cut off for taking too long. */
  #write(text: string): Promise<void> {
    const { outgoing } = this.#reading
    if (isGone(outgoing) || outgoing.writableEnded || written(outgoing, text)) return Promise.resolve()
    return drained(outgoing, this.#clock)
  }

  #keepAlive(): () => void {
    const { outgoing } = this.#reading
    let cancel = (): void => undefined
    const beat = (): void => {
      if (outgoing.headersSent && !outgoing.writableNeedDrain && !outgoing.writableEnded) written(outgoing, heartbeatText)
      cancel = this.#clock.after(heartbeatMs, beat)
    }
    cancel = this.#clock.after(heartbeatMs, beat)
    return () => cancel()
  }
}
