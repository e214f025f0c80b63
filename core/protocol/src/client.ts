/**
 * The client of a node: produces, reads, follows. It keeps trying while a retry may help (429, 502, 503, 504, a
 * connection that breaks), and a request that stores something bears an idempotency key, so trying again never stores
 * anything twice.
 *
 * Not for: keeping records that cannot be sent; who calls `produce` holds them until it resolves.
 */
import { type Duration, assertOptionNames, checkEnqueueOptions, enqueueInParts, jsonOf, MillraceError } from "@millrace/model"
import { mayHelp, parsed, retryAfterMs, unreachable } from "./answer.ts"
import { assertBackoff, type Backoff, askedMsMax, defaultBackoff, waitAfter } from "./backoff.ts"
import { mediaTypes } from "./body-format.ts"
import { follow, type LiveOptions, type LiveRecord } from "./follow.ts"
import { followRun } from "./follow-run.ts"
import type { FunctionList, FunctionReply, InvocationReply, RedriveReply } from "./function-messages.ts"
import type { ProduceReply, StatusReply, StreamDetails, StreamFacts, StreamList } from "./messages.ts"
import { errorOf } from "./problem.ts"
import type { RecordPage } from "./record-view.ts"
import { pathOf } from "./routes.ts"
import type { CancelFilter, EnqueueAllReply, EnqueueReply, RetryFilter, RunFilter, RunList, RunReply, RunTally, TaskList, TaskReply } from "./run-messages.ts"
import type { CallOptions, InputOf, OutputOf, RunEvent, TaskClient, TaskName } from "./task-client.ts"
import { followTable } from "./follow-table.ts"
import type { TableEvent, TableFacts, TableList, TableLiveOptions, TablePage, TableRow, TableReadOptions } from "./table-messages.ts"
import type { TransportRequest, World } from "./transport.ts"

export interface ClientOptions extends World {
  /** Where the node answers, e.g. `http://127.0.0.1:7070`. */
  readonly url: string
  /** @default 12 attempts, waits from 100 ms to 5 s */
  readonly backoff?: Backoff
}

export interface ProduceOptions {
  /** Names this request; @default a random one for each call */
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

export interface ReadOptions {
  /** @default 0 */
  readonly partition?: number
  /** `earliest`, `latest`, an offset, or a time in ISO 8601. @default earliest */
  readonly from?: string | number
  /** @default 100 */
  readonly limit?: number
}

export interface RunsOptions extends RunFilter {
  /** @default of all tasks */
  readonly task?: string
  /** Where the page before has ended. */
  readonly cursor?: string
  /** @default 50 */
  readonly limit?: number
}

/**
 * Every method throws what the node's problem details say, MR1101 for an option that there is not, and MR1602 once the node has not been reached in all
 * attempts.
 */
export interface Client<App = unknown> {
  /**
   * A task of the node: typed when the client is told the service, `createClient<typeof app>(…)`.
   *
   * @example `await client.task("freeze-card").call({ card: "4711", reason: "stolen" })`
   */
  task<Name extends TaskName<App>>(name: Name): TaskClient<InputOf<App, Name>, OutputOf<App, Name>>
  tasks(): Promise<readonly TaskReply[]>
  /** A run with its attempts. @throws MR1024 */
  run(id: string): Promise<RunReply>
  /**
   * A page of runs, newest first; it may hold fewer than the limit and still not be the last. Asks on while the node finds none and is not through
   * with its runs, so that a page without runs is the end.
   *
   * @param options - signal: gives the search up
   */
  runs(search?: RunsOptions, options?: { readonly signal?: AbortSignal }): Promise<RunList>
  /** What happens to a run, until it ends or the signal is aborted. @throws MR1024 */
  followRun(id: string, options?: { readonly signal?: AbortSignal }): AsyncIterable<RunEvent>
  cancel(id: string): Promise<void>
  /** A run that failed, expired or was cancelled begins again. */
  retry(id: string): Promise<void>
  /** All runs that have ended as the filter says begin again. Tells how many. */
  retryAll(filter: RetryFilter): Promise<RunTally>
  /** Cancels all runs that the filter finds. Tells how many. */
  cancelAll(filter: CancelFilter): Promise<RunTally>
  pause(task: string): Promise<void>
  resume(task: string): Promise<void>
  /**
   * Stores records: values, each to become one line of JSON, or NDJSON as it is. Resolves once they are durable. When
   * every record is refused, that is told in the reply like any other refusal, not thrown.
   */
  produce(
    stream: string,
    records: readonly unknown[] | string | Uint8Array<ArrayBuffer>,
    options?: ProduceOptions,
  ): Promise<ProduceReply>
  read<Value = unknown>(stream: string, options?: ReadOptions): Promise<RecordPage<Value>>
  /**
   * Records as they come, until the stream ends or the signal is aborted. Comes back by itself where it was cut off.
   */
  live<Value = unknown>(stream: string, options?: LiveOptions): AsyncIterable<LiveRecord<Value>>
  /** Ends a bounded stream: its windows close, its files are sealed, and records that come later are refused. @throws MR1016 */
  end(stream: string): Promise<void>
  /** Lets a stream that has ended take records again. Its windows stay closed: what comes is late for them. @throws MR1016 */
  reopen(stream: string): Promise<void>
  tables(): Promise<readonly TableFacts[]>
  /** The row of a key; undefined when it has none. @throws MR1025 */
  row<Row = unknown>(table: string, key: string): Promise<TableRow<Row> | undefined>
  /** A page of a table's rows, in the order of their keys. @throws MR1025 */
  rows<Row = unknown>(table: string, options?: TableReadOptions): Promise<TablePage<Row>>
  /** Rows of a table as they change, until the signal is aborted. Comes back by itself where it was cut off. @throws MR1025 */
  liveTable<Row = unknown>(table: string, options?: TableLiveOptions): AsyncIterable<TableEvent<Row>>
  functions(): Promise<readonly FunctionReply[]>
  /** Calls a function once and waits for its end, which may be a failure of its own. @throws MR1031, MR1010 when it is busy */
  invoke(name: string, event: unknown, options?: { readonly signal?: AbortSignal }): Promise<InvocationReply>
  /**
   * Calls a function again with what its mappings have given up: one mapping after the other, each in its order.
   *
   * @param options - stream: only what this stream has fed it; @default all streams, and events that nobody waits for
   * @throws MR1009 when that is kept nowhere, MR1501 when S3 refuses, MR1010 while another redrive is under way, MR1031
   */
  redrive(name: string, options?: { readonly signal?: AbortSignal; readonly stream?: string }): Promise<RedriveReply>
  streams(): Promise<readonly StreamFacts[]>
  stream(stream: string): Promise<StreamDetails>
  status(): Promise<StatusReply>
}

/**
 * A client of the node at `url`. It holds no connection of its own.
 *
 * @typeParam App - the type of a service, such as `typeof app`: tasks are then typed by their schemas
 */
export function createClient<App = unknown>(options: ClientOptions): Client<App> {
  assertOptionNames(options, ["url", "backoff", "fetch", "sleep", "random"], "createClient", "{ url, fetch, sleep, random }")
  if (options.backoff !== undefined) assertBackoff(options.backoff)
  const world = options
  const base = options.url.replace(/\/+$/, "")
  const backoff = options.backoff ?? defaultBackoff

  /** The answer with its status, after as many attempts as help. */
  async function attempt(
    path: string,
    request: TransportRequest,
    most = backoff.attempts,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    for (let attempts = 1; ; attempts++) {
      let failure: MillraceError
      let askedMs = 0
      try {
        const response = await world.fetch(base + path, request)
        // Reading the body is part of the attempt: the connection may break in the middle of it.
        const body = parsed(await response.text())
        if (response.status < 400) return { status: response.status, body }
        failure = errorOf(body, response.status)
        // The end of a run is an answer, whatever its status.
        if (!mayHelp(response.status) || failure.details["run"] !== undefined) return { status: response.status, body }
        askedMs = retryAfterMs(response, failure)
      } catch (cause) {
        if (request.signal?.aborted === true) throw cause
        failure = unreachable(base, cause)
      }
      if (attempts >= most) throw failure
      await world.sleep(waitAfter(backoff, attempts, askedMs, world.random()), request.signal)
      if (request.signal?.aborted === true) throw failure
    }
  }

  async function call<Body>(path: string, request: TransportRequest): Promise<Body> {
    const { status, body } = await attempt(path, request)
    if (status >= 400) throw errorOf(body, status)
    return body as Body
  }

  const post = async (path: string): Promise<void> => {
    await call(path, { method: "POST", headers: { accept: "application/json" } })
  }
  const tally = (path: string, filter: RetryFilter | CancelFilter): Promise<RunTally> =>
    call(path, { method: "POST", headers: { "content-type": mediaTypes.json, accept: "application/json" }, body: JSON.stringify(filter) })

  function enqueue(
    name: string,
    body: string,
    type: string,
    prefer: string | undefined,
    { idempotencyKey, idempotency = idempotencyKey === undefined ? attemptsMs(backoff) : undefined, delay, priority, signal }: CallOptions,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const query = [
      ...(delay === undefined ? [] : [`delay=${durationText(delay)}`]),
      ...(idempotency === undefined ? [] : [`idempotency=${durationText(idempotency)}`]),
      ...(priority === undefined ? [] : [`priority=${priority}`]),
    ]
    const path = pathOf("callTask", { task: name })
    const headers: Record<string, string> = { "content-type": type, accept: "application/json", "idempotency-key": idempotencyKey ?? randomKey(world.random) }
    if (prefer !== undefined) headers["prefer"] = prefer
    const request = { method: "POST", headers, body, ...(signal === undefined ? {} : { signal }) }
    return attempt(query.length === 0 ? path : `${path}?${query.join("&")}`, request)
  }

  function taskOf(name: string): TaskClient<unknown, unknown> {
    return {
      async call(input, given = {}) {
        checkEnqueueOptions(name, given, callerOptions)
        const options = { ...given, idempotencyKey: given.idempotencyKey ?? randomKey(world.random) }
        for (;;) {
          // A repeat with the same key waits on for the same run.
          const { status, body } = await enqueue(name, inputText(name, input), mediaTypes.json, "wait=60", options)
          if (status >= 400) throw errorOf(body, status)
          if (status === 200) return body
        }
      },
      async send(input, given = {}) {
        checkEnqueueOptions(name, given, callerOptions)
        const { status, body } = await enqueue(name, inputText(name, input), mediaTypes.json, undefined, given)
        if (status >= 400) throw errorOf(body, status)
        return (body as EnqueueReply).id
      },
      async sendMany(inputs, given = {}) {
        checkEnqueueOptions(name, given, callerOptions)
        // The node makes a key of it for each line. One that nobody else knows is named by the error when parts are enqueued and others are not.
        const key = given.idempotencyKey ?? randomKey(world.random)
        const idempotency = given.idempotency ?? (given.idempotencyKey === undefined ? attemptsMs(backoff) : undefined)
        const options = { ...given, ...(idempotency === undefined ? {} : { idempotency }) }
        const texts = inputs.map((input) => inputText(name, input))
        return enqueueInParts(name, texts, key, async (part, idempotencyKey = key) => {
          const { status, body } = await enqueue(name, part.join("\n"), part.length === 1 ? mediaTypes.json : mediaTypes.ndjson, undefined, { ...options, idempotencyKey })
          if (status >= 400) throw errorOf(body, status)
          return part.length === 1 ? [(body as EnqueueReply).id] : (body as EnqueueAllReply).ids
        })
      },
    }
  }

  const get: TransportRequest = { method: "GET", headers: { accept: "application/json" } }

  return {
    async produce(stream, records, given = {}) {
      assertOptionNames(given, ["idempotencyKey", "signal"], "produce")
      const { idempotencyKey = randomKey(world.random), signal } = given
      const body = typeof records === "string" || records instanceof Uint8Array ? records : ndjson(records)
      const headers = {
        "content-type": mediaTypes.ndjson,
        accept: "application/json",
        "idempotency-key": idempotencyKey,
      }
      const answer = await attempt(pathOf("produce", { stream }), {
        method: "POST",
        headers,
        body,
        ...(signal === undefined ? {} : { signal }),
      })
      if (answer.status === 422 && isAllRejected(answer.body))
        return { ...listed(answer.body), accepted: 0, positions: [] }
      if (answer.status >= 400) throw errorOf(answer.body, answer.status)
      return answer.body as ProduceReply
    },
    async read(stream, given = {}) {
      assertOptionNames(given, ["partition", "from", "limit"], "read")
      const { partition = 0, from, limit } = given
      const query = [`partition=${partition}`]
      if (from !== undefined) query.push(`from=${encodeURIComponent(from)}`)
      if (limit !== undefined) query.push(`limit=${limit}`)
      return call(`${pathOf("readStream", { stream })}?${query.join("&")}`, get)
    },
    live(stream, live = {}) {
      assertOptionNames(live, ["from", "signal"], "live")
      return follow({ world, backoff, node: base, url: base + pathOf("followStream", { stream }) }, live)
    },
    task: (name) => taskOf(name) as TaskClient<never, never>,
    async tasks() {
      return (await call<TaskList>(pathOf("listTasks"), get)).tasks
    },
    run(id) {
      return call(pathOf("showRun", { run: id }), get)
    },
    async runs(search = {}, given = {}) {
      assertOptionNames(search, runsOptions, "runs", '{ task: "charge" }')
      assertOptionNames(given, ["signal"], "runs, options")
      const { signal } = given
      const request = signal === undefined ? get : { ...get, signal }
      let { cursor } = search
      for (;;) {
        const wanted = Object.entries({ ...search, ...(cursor === undefined ? {} : { cursor }) })
        const query = wanted.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
        const page = await call<RunList>(query.length === 0 ? pathOf("listRuns") : `${pathOf("listRuns")}?${query.join("&")}`, request)
        if (page.runs.length > 0 || page.cursor === undefined) return page
        // The node has looked at as many runs as it does for one request, and none of them fits.
        ;({ cursor } = page)
      }
    },
    followRun(id, given = {}) {
      assertOptionNames(given, ["signal"], "followRun")
      const { signal } = given
      return followRun({ world, backoff, node: base, url: base + pathOf("followRun", { run: id }) }, signal)
    },
    cancel: (id) => post(pathOf("cancelRun", { run: id })),
    retry: (id) => post(pathOf("retryRun", { run: id })),
    retryAll: (filter) => tally(pathOf("retryRuns"), filter),
    cancelAll: (filter) => tally(pathOf("cancelRuns"), filter),
    pause: (task) => post(pathOf("pauseTask", { task })),
    resume: (task) => post(pathOf("resumeTask", { task })),
    async end(stream) {
      await call(pathOf("endStream", { stream }), { method: "POST", headers: { accept: "application/json" } })
    },
    async reopen(stream) {
      await call(pathOf("reopenStream", { stream }), { method: "POST", headers: { accept: "application/json" } })
    },
    async tables() {
      return (await call<TableList>(pathOf("listTables"), get)).tables
    },
    async row<Row>(table: string, key: string) {
      // Its address is that of the events.
      if (key === "live") {
        const { rows, next: _, ...reflected } = await call<TablePage<Row>>(`${pathOf("readTable", { table })}?prefix=live&limit=1`, get)
        return rows[0]?.key === key ? { ...rows[0], ...reflected } : undefined
      }
      const { status, body } = await attempt(pathOf("readRow", { table, key }), get)
      if (status < 400) return body as TableRow<Row>
      const failure = errorOf(body, status)
      if (failure.code === "MR1026") return undefined
      throw failure
    },
    async rows(table, given = {}) {
      assertOptionNames(given, ["prefix", "limit", "cursor"], "rows")
      const { prefix, limit, cursor } = given
      const query = [
        ...(prefix === undefined ? [] : [`prefix=${encodeURIComponent(prefix)}`]),
        ...(limit === undefined ? [] : [`limit=${limit}`]),
        ...(cursor === undefined ? [] : [`cursor=${encodeURIComponent(cursor)}`]),
      ]
      return call(`${pathOf("readTable", { table })}${query.length === 0 ? "" : `?${query.join("&")}`}`, get)
    },
    liveTable(table, live = {}) {
      assertOptionNames(live, ["prefix", "from", "signal"], "liveTable")
      return followTable({ world, backoff, node: base, url: base + pathOf("followTable", { table }) }, live)
    },
    async functions() {
      return (await call<FunctionList>(pathOf("listFunctions"), get)).functions
    },
    async invoke(name, event, given = {}) {
      assertOptionNames(given, ["signal"], "invoke")
      const { signal } = given
      const headers = { "content-type": mediaTypes.json, accept: "application/json" }
      const request = { method: "POST", headers, body: JSON.stringify(event), ...(signal === undefined ? {} : { signal }) }
      // Once: a call that was cut off may have been made.
      const { status, body } = await attempt(pathOf("invokeFunction", { function: name }), request, 1)
      if (status >= 400) throw errorOf(body, status)
      return body as InvocationReply
    },
    async redrive(name, given = {}) {
      assertOptionNames(given, ["signal", "stream"], "redrive")
      const { signal, stream } = given
      const request = { method: "POST", headers: { accept: "application/json" }, ...(signal === undefined ? {} : { signal }) }
      const { status, body } = await attempt(pathOf("redriveFunction", { function: name }) + (stream === undefined ? "" : `?stream=${encodeURIComponent(stream)}`), request, 1)
      if (status >= 400) throw errorOf(body, status)
      return body as RedriveReply
    },
    async streams() {
      return (await call<StreamList>(pathOf("listStreams"), get)).streams
    },
    stream(stream) {
      return call(pathOf("showStream", { stream }), get)
    },
    status() {
      return call(pathOf("status"), get)
    },
  }
}

function ndjson(records: readonly unknown[]): string {
  let text = ""
  for (const record of records) text += `${JSON.stringify(record)}\n`
  return text
}

/** @throws MR1023 for an input that JSON cannot carry */
function inputText(task: string, input: unknown): string {
  const form = jsonOf(input)
  if ("json" in form) return form.json
  throw new MillraceError("MR1023", `task "${task}", input: ${form.fault}.`)
}

/** All that the type names: one that is left out here does not compile. */
const runsOptions: readonly string[] = Object.keys({
  task: true,
  status: true,
  since: true,
  until: true,
  endedSince: true,
  endedUntil: true,
  key: true,
  q: true,
  cursor: true,
  limit: true,
} satisfies Readonly<Record<keyof RunsOptions, true>>)

/** What a caller here may say of a call besides what a run is enqueued with. */
const callerOptions: readonly string[] = ["signal"]

/** Longer than a request lasts that nobody answers, in ms. */
const attemptMs = 600_000

/**
 * For how long a request that bears a key of the client's own may be repeated, in ms: nobody else knows that key, and what a node remembers of
 * each takes room. Undefined: there is no end to it.
 */
function attemptsMs({ attempts, mostMs }: Backoff): number | undefined {
  const ms = attempts * (attemptMs + Math.max(mostMs, askedMsMax))
  return ms < Number.MAX_SAFE_INTEGER ? ms : undefined
}

function durationText(duration: Duration): string {
  return encodeURIComponent(typeof duration === "number" ? `${duration}ms` : duration)
}

/** 128 bits of chance. */
function randomKey(random: () => number): string {
  let key = ""
  for (let word = 0; word < 4; word++)
    key += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0")
  return key
}

type AllRejected = Pick<ProduceReply, "rejected" | "rejectedUnlisted">

function isAllRejected(body: unknown): body is AllRejected {
  return typeof body === "object" && body !== null && Array.isArray((body as Partial<AllRejected>).rejected)
}

function listed({ rejected, rejectedUnlisted }: AllRejected): AllRejected {
  return rejectedUnlisted === undefined ? { rejected } : { rejected, rejectedUnlisted }
}
