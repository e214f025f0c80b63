/**
 * A query on the production engine, in the test driver, against the oracle: the same events, in requests and batches
 * that a seed cuts at random, over several partitions, with crashes between transactions if wanted.
 */
import fs from "node:fs"
import path from "node:path"
import { type TestService, testService } from "@millrace/testing"
import { type Change, type Outlet, service, stream } from "millrace"
import { clockAt, writeClocks } from "./clock.ts"
import { Emission, type EmissionOptions } from "./emission.ts"
import type { NexmarkEvent } from "./events.ts"
import { lineOf } from "./ndjson.ts"
import { type Difference, NexmarkOracle } from "./oracle/oracle.ts"
import { isOutlet, isTable, queries } from "./queries/index.ts"
import { type Nexmark, nexmark, sideRows } from "./streams.ts"

export interface History {
  readonly emission: EmissionOptions
  readonly partitions: number
  /** In ms: larger than any event's delay, so that nothing is late; or smaller, with one partition. */
  readonly outOfOrderMs: number
  /** Whether events come late, and the oracle is to leave them out. */
  readonly late?: boolean
  /** For patterns alone. */
  readonly patterns?: boolean
  /** Decides how input is cut and who works next. @default all at once, in turn */
  readonly seed?: number
  /** Crashes after so many transactions, again and again, twenty times at most. @default never */
  readonly crashEvery?: number
}

/** More would only take longer: each one reads all state again. */
const crashesMost = 20

/** Events that are processed while the clock stands still, for windows by the clock. */
const perClock = 60

/** The events of a history, known to the oracle. */
export class Comparison {
  readonly #history: History
  readonly #directory: string
  readonly #events: readonly NexmarkEvent[]
  readonly #oracle: NexmarkOracle

  private constructor(history: History, directory: string, events: readonly NexmarkEvent[], oracle: NexmarkOracle) {
    this.#history = history
    this.#directory = directory
    this.#events = events
    this.#oracle = oracle
  }

  /** @param directory - for files; whose it is removes it */
  static async open(history: History, directory: string): Promise<Comparison> {
    const events = new Emission(history.emission).take(Number.POSITIVE_INFINITY)
    const file = path.join(directory, "events.ndjson")
    fs.writeFileSync(file, events.map((event) => `${lineOf(event)}\n`).join(""))
    const bound = history.late === true ? { outOfOrderMs: history.outOfOrderMs } : {}
    const clocks = path.join(directory, "clocks.ndjson")
    writeClocks(clocks, new Emission(history.emission), perClock)
    return new Comparison(history, directory, events, await NexmarkOracle.open(file, { ...bound, clocks }))
  }

  /** Runs a query and says how its rows differ from the oracle's. */
  async differenceOf(query: string): Promise<Difference> {
    const rows = await this.#run(query)
    const file = path.join(this.#directory, `${query}.ndjson`)
    fs.writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
    return this.#oracle.compare(query, file)
  }

  close(): void {
    this.#oracle.close()
  }

  async #run(query: string): Promise<readonly unknown[]> {
    const { partitions, outOfOrderMs } = this.#history
    const input = nexmark({ partitions, outOfOrder: outOfOrderMs })
    const answer = queries[query]?.(input)
    if (answer === undefined) throw new Error(`there is no query ${query}`)
    if (isTable(answer)) {
      const changes = stream<Change<object>>("changes", { key: ({ key }) => key })
      const last = new Map<string, object | undefined>()
      const run = await this.#runTo(answer.changes().to(changes), input, query)
      for (const { key, new: row } of run.values(changes)) last.set(key, row)
      return [...last.values()].filter((row) => row !== undefined).flatMap((row) => (Array.isArray(row) ? (row as object[]) : [row]))
    }
    const outlet = isOutlet(answer) ? answer : answer.to(stream<object>("result"))
    return (await this.#runTo(outlet, input, query)).values(outlet)
  }

  async #runTo(outlet: Outlet<unknown>, input: Nexmark, query: string): Promise<TestService> {
    const { seed, crashEvery, late } = this.#history
    const run = await testService(service("nexmark", [outlet]), seed === undefined ? {} : { seed })
    if (crashEvery !== undefined) for (let crash = 1; crash <= crashesMost; crash++) run.crashAfter(crash * crashEvery)
    if (query === "q13") {
      await run.send(input.side, sideRows())
      await run.end(input.side)
    }
    if (query === "q12") await this.#sendByClock(run, input)
    else await run.send(input.events, [...this.#events])
    await run.end()
    if (crashEvery !== undefined && run.transactions < 2 * crashEvery) throw new Error(`${query}: hardly a crash`)
    const [dead] = run.deadLetters()
    if (dead !== undefined) throw new Error(`${query}: a dead letter: ${JSON.stringify(dead)}`)
    const missed = Object.entries(run.late())
    if ((late === true) !== missed.length > 0) throw new Error(`${query}: late records: ${JSON.stringify(missed)}`)
    return run
  }

  /** Sends the events while the clock moves as the oracle knows it. */
  async #sendByClock(run: TestService, input: Nexmark): Promise<void> {
    for (let batch = 0; batch * perClock < this.#events.length; batch++) {
      await run.advanceTo(new Date(clockAt(batch)))
      await run.send(input.events, this.#events.slice(batch * perClock, (batch + 1) * perClock))
    }
  }
}
