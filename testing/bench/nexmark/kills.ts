/**
 * A query on a real node that is killed again and again: the node is a process, events come over HTTP under idempotency
 * keys, SIGKILL falls somewhere after a request that a seed chooses, and the node starts again on the same directory with
 * another number of workers. What its files hold at the end is the result.
 */
import path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Program, programs, seeded } from "@millrace/verify"
import { Emission, type EmissionOptions } from "./emission.ts"
import { linesOf } from "./ndjson.ts"
import { foundIn } from "./node-files.ts"
import type { Found } from "./oracle/oracle.ts"
import { sideRows } from "./streams.ts"

export interface KilledRun {
  readonly query: string
  readonly emission: EmissionOptions
  readonly outOfOrderMs: number
  readonly partitions: number
  readonly kills: number
  /** Decides when the node is killed and how many workers it gets. */
  readonly seed: number
  /** For data and files; whose it is removes it. */
  readonly dir: string
  /** Events of one request. */
  readonly perRequest: number
  /** Told of each kill. */
  readonly log?: (line: string) => void
}

export interface KilledResult {
  readonly found: Found
  /** From the first event to the last file, starts and restarts among them. */
  readonly seconds: number
}

const workersMost = 3
/** A kill comes so much later than the request after which it is due, at most. */
const delayMsMost = 150
const pauseMs = 25
const patienceMs = 300_000
/** Files of about so many, at most: as small as that allows. */
const filesMost = 2_000
const bytesPerEvent = 250

/** Runs the query through its kills; returns where its rows are. */
export async function killedRun(run: KilledRun): Promise<KilledResult> {
  const { query, emission, kills, dir, perRequest } = run
  const random = seeded(run.seed)
  const node = new Node(run, random)
  const source = new Emission(emission)
  const requests = Math.ceil(emission.events / perRequest)
  // The last one falls after the end, while windows close and files are written.
  const moments = new Map<number, number>()
  for (let kill = 0; kill < kills; kill++) {
    const moment = kill === 0 ? requests : Math.floor(random() * requests)
    moments.set(moment, (moments.get(moment) ?? 0) + 1)
  }
  // Events go on meanwhile, so that a kill falls into requests as well as into what comes of them.
  let replacing: Promise<void> = Promise.resolve()
  const killAt = (moment: number): void => {
    for (let times = moments.get(moment) ?? 0; times > 0; times--) replacing = replacing.then(() => node.replace())
    // What keeps it from starting again is told when it is waited for.
    replacing.catch(() => undefined)
    moments.delete(moment)
  }
  const started = performance.now()
  try {
    await node.start()
    if (query === "q13") {
      const rows = sideRows().map((row) => JSON.stringify(row))
      await node.send("side", "side", rows.join("\n"))
      await node.post("/v1/streams/side/end")
      // Its table meets the bids at arrival: whole before the first of them.
      await node.idle()
    }
    let request = 0
    for (let body = linesOf(source, perRequest); body !== ""; request++) {
      if (request < requests) killAt(request)
      const sent = node.send("events", `events-${request}`, body)
      body = linesOf(source, perRequest)
      await sent
    }
    await node.post("/v1/streams/events/end")
    killAt(requests)
    await replacing
    await node.idle()
  } finally {
    await replacing.catch(() => undefined)
    await node.stop()
  }
  return { found: foundIn(query, path.join(dir, "out")), seconds: (performance.now() - started) / 1000 }
}

class Node {
  readonly #run: KilledRun
  readonly #random: () => number
  #program: Program | undefined
  #url = ""
  #workers = 0

  constructor(run: KilledRun, random: () => number) {
    this.#run = run
    this.#random = random
  }

  async start(): Promise<void> {
    const { query, partitions, outOfOrderMs, dir, emission, log } = this.#run
    // Another number than before.
    this.#workers = 1 + ((this.#workers + Math.floor(this.#random() * (workersMost - 1))) % workersMost)
    const port = this.#url === "" ? "0" : new URL(this.#url).port
    const places = ["--data", path.join(dir, "data"), "--out", path.join(dir, "out"), "--port", port]
    this.#program = new Program(
      programs.millrace,
      ["start", path.join(import.meta.dirname, "node-service.ts"), ...places, "--workers", String(this.#workers), "--json"],
      {
        NEXMARK_QUERY: query,
        NEXMARK_PARTITIONS: String(partitions),
        NEXMARK_OUT_OF_ORDER_MS: String(outOfOrderMs),
        NEXMARK_FILE_KB: String(Math.ceil(Math.max(64, (emission.events * bytesPerEvent) / filesMost / 1024))),
      },
    )
    this.#url = (await this.#program.until("ready"))["url"] as string
    log?.(`${query}: started with ${this.#workers} workers`)
  }

  /** SIGKILL, after a moment, and a new start with another number of workers. */
  async replace(): Promise<void> {
    const ms = Math.floor(this.#random() * delayMsMost)
    await sleep(ms)
    this.#run.log?.(`${this.#run.query}: SIGKILL`)
    await this.#program?.stop("SIGKILL")
    await this.start()
  }

  async stop(): Promise<void> {
    await this.#program?.stop("SIGTERM")
  }

  send(stream: string, name: string, body: string): Promise<void> {
    return this.post(`/v1/streams/${stream}/records`, { "content-type": "application/x-ndjson", "idempotency-key": name }, body)
  }

  /** Repeats a request until it is answered, however often the node goes away meanwhile. */
  async post(address: string, headers: Record<string, string> = {}, body?: string): Promise<void> {
    for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(pauseMs)) {
      const answer = await this.#ask(address, { method: "POST", headers, ...(body === undefined ? {} : { body }) })
      if (answer === undefined || answer.status === 429 || answer.status === 503) continue
      if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.text}`)
      const { rejected = [] } = JSON.parse(answer.text) as { readonly rejected?: readonly object[] }
      if (rejected.length > 0) throw new Error(`${address}: ${JSON.stringify(rejected[0])}`)
      return
    }
    throw new Error(`${address}: no answer in ${patienceMs} ms: ${this.#program?.err ?? ""}`)
  }

  /** Waits until everything is processed and every file is written. */
  async idle(): Promise<void> {
    for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(pauseMs)) {
      const answer = await this.#ask("/v1/status", {})
      const status = answer === undefined ? undefined : (JSON.parse(answer.text) as { readonly node: { readonly idle: boolean } })
      if (status?.node.idle === true) return
    }
    throw new Error(`the node is not idle after ${patienceMs} ms: ${this.#program?.err ?? ""}`)
  }

  async #ask(address: string, init: RequestInit): Promise<{ readonly ok: boolean; readonly status: number; readonly text: string } | undefined> {
    try {
      const answer = await fetch(`${this.#url}${address}`, init)
      // It may go in the midst of its answer.
      return { ok: answer.ok, status: answer.status, text: await answer.text() }
    } catch {
      // It is gone, or not there yet.
      return undefined
    }
  }
}
