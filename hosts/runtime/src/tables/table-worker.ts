/**
 * The thread that reads tables: from the checkpoint and the journal's tail, as they lie on the disk, with the services' own code (an
 * aggregate's result is the user's). Workers and the thread that serves sockets do not notice.
 */
import { getHeapStatistics } from "node:v8"
import { parentPort, workerData } from "node:worker_threads"
import { compareKeys, stageScope, storedConsumed, storedProgress, type TablePlan, tablesOf } from "@millrace/engine"
import { TableReader } from "@millrace/engine/machine"
import { type ErrorData, errorData, limits, MillraceError, partitionOf, Placing, type Program } from "@millrace/model"
import { loadPrograms } from "../programs.ts"
import { collector } from "../resting-heap.ts"
import { holdModules } from "../service-code.ts"
import { openStateView } from "./compose.ts"
import type { FromTables, TableName, TableQuestion, TableRange, TableRow, TableRows, TableThreadData, ToTables } from "./table-messages.ts"

const { code, dataDir, changesMost, shards } = workerData as TableThreadData

interface Table {
  readonly plan: TablePlan
  readonly program: Program
}

interface Follower {
  readonly table: Table
  readonly prefix: string
  /** Keys whose rows have changed since they were last told. */
  readonly changed: Set<string>
  /** The question that waits for changes. */
  waiting: number | undefined
  lost: ErrorData | undefined
}

const tables: Table[] = []
/** Tables by the scopes that their rows lie in, and all scopes that are read. */
const byRowScope = new Map<string, Table>()
const read = new Set<string>()
const followers = new Map<number, Follower>()
let collect: (() => void) | undefined

const view = openStateView({
  dir: dataDir,
  wanted: (scope) => read.has(scope),
  onChange: (scope, _, stateKey) => {
    const table = byRowScope.get(scope)
    if (table === undefined || followers.size === 0) return
    const key = table.plan.keyOf(stateKey)
    for (const follower of followers.values()) if (follower.table === table && key.startsWith(follower.prefix)) noteChange(follower, key)
  },
})

function noteChange(follower: Follower, key: string): void {
  if (follower.lost !== undefined) return
  follower.changed.add(key)
  if (follower.changed.size > changesMost) lose(follower)
}

function lose(follower: Follower): void {
  const { name } = follower.table.plan
  follower.changed.clear()
  follower.lost = {
    code: "MR1014",
    message: `table "${name}": more has changed than is remembered for one reader; read the table anew and follow it from there.`,
    details: { table: name },
  }
}

function send(message: FromTables): void {
  parentPort?.postMessage(message)
}

function onMessage(message: ToTables): void {
  switch (message.kind) {
    case "ask":
      attempt(message.id, () => answer(message.id, message.sequence, message.question))
      break
    case "advance":
      try {
        catchUp(message.sequence)
      } catch (fault) {
        for (const follower of followers.values()) follower.lost ??= errorData(fault)
      }
      send({ kind: "advanced" })
      break
    case "leave": {
      const { waiting } = followers.get(message.follower) ?? {}
      followers.delete(message.follower)
      if (waiting !== undefined) send({ kind: "answer", id: waiting, rows: { rows: [], position: [], more: false } })
      break
    }
    case "collect":
      collect ??= collector()
      collect()
      return send({ kind: "collected", bytes: getHeapStatistics().used_heap_size })
    case "end":
      view.close()
      process.exit(0)
  }
  for (const follower of followers.values()) {
    const { waiting } = follower
    if (waiting !== undefined && (follower.changed.size > 0 || follower.lost !== undefined)) attempt(waiting, () => serve(follower, waiting))
  }
}

function attempt(id: number, act: () => void): void {
  try {
    act()
  } catch (thrown) {
    const error = errorData(thrown)
    // What is not an expected failure comes from user code: a result that throws.
    send({ kind: "failed", id, error: error.code === "MR1404" ? { ...error, code: "MR1201" } : error })
  }
}

function answer(id: number, sequence: number, question: TableQuestion): void {
  switch (question.kind) {
    case "row": {
      const table = tableOf(question.table)
      return send({ kind: "answer", id, rows: whole(sequence, () => ({ rows: [rowOf(table, question.key)], position: positionOf(table), more: false })) })
    }
    case "page": {
      const table = tableOf(question.table)
      return send({ kind: "answer", id, rows: whole(sequence, () => pageOf(table, question.range)) })
    }
    case "follow": {
      const table = tableOf(question.table)
      catchUp(sequence)
      followers.set(question.follower, { table, prefix: question.prefix, changed: new Set(), waiting: undefined, lost: undefined })
      return send({ kind: "answer", id, rows: { rows: [], position: positionOf(table), more: false } })
    }
    case "take": {
      const follower = followers.get(question.follower)
      if (follower === undefined) return send({ kind: "answer", id, rows: { rows: [], position: [], more: false } })
      follower.waiting = id
    }
  }
}

function serve(follower: Follower, id: number): void {
  const { table, changed, lost } = follower
  follower.waiting = undefined
  if (lost !== undefined) throw new MillraceError(lost.code, lost.message, lost.details)
  const rows = whole(0, () => {
    const told: TableRow[] = []
    let room = limits.pageBytesMax
    for (const key of changed) {
      if (told.length >= limits.pageRowsMax || room <= 0) break
      const row = rowOf(table, key)
      told.push(row)
      room -= row.value?.length ?? 0
    }
    return { rows: told, position: positionOf(table), more: told.length < changed.size }
  })
  for (const { key } of rows.rows) changed.delete(key)
  send({ kind: "answer", id, rows })
}

function catchUp(sequence: number): void {
  if (!view.catchUp(sequence)) for (const follower of followers.values()) lose(follower)
}

/** Reads as of one commit: again, when a fold has gone past it meanwhile. */
function whole<T>(sequence: number, act: () => T): T {
  for (;;) {
    catchUp(sequence)
    const result = act()
    if (view.isWhole) return result
  }
}

function tableOf({ service, name }: TableName): Table {
  const table = tables.find(({ plan }) => plan.service === service && plan.name === name)
  if (table === undefined) throw new MillraceError("MR1025", `There is no table "${name}" in service "${service}".`, { table: name })
  return table
}

function readerOf({ program, plan }: Table, partition: number): TableReader {
  return new TableReader(program, plan, partition, view)
}

function rowOf(table: Table, key: string): TableRow {
  const partition = placeOf(table, key)
  const value = partition === undefined ? undefined : readerOf(table, partition).get(key)
  return { key, value: value === undefined ? undefined : jsonText(value) }
}

/** Where a key's row is. Of a stream that was resharded: in the newest shard of the key that has taken over what the one before kept. */
function placeOf(table: Table, key: string): number | undefined {
  const { input, partitions } = table.plan
  const resharded = shards.get(input)
  if (resharded === undefined) return partitionOf(key, partitions)
  return new Placing(resharded).everOfKey(key).find((partition) => hasRows(table, partition))
}

/** Before a shard's state has come from its parents, and after it has gone to its children, what lies there is on its way. */
function hasRows({ plan: { service, stage } }: Table, partition: number): boolean {
  const progress = storedProgress(view, stageScope(service, stage), partition)
  return progress !== undefined && progress.moved !== true
}

function partitionsOf({ plan: { input, partitions } }: Table): number {
  return shards.get(input)?.length ?? partitions
}

function positionOf(table: Table): number[] {
  const { service, stage } = table.plan
  return Array.from({ length: partitionsOf(table) }, (_, partition) => storedConsumed(view, service, stage, partition))
}

/** The rows of all partitions in one order. */
function pageOf(table: Table, { prefix, after, limit }: TableRange): TableRows {
  const partitions = Array.from({ length: partitionsOf(table) }, (_, partition) => partition)
  const resharded = shards.has(table.plan.input)
  const heads = partitions.filter((partition) => !resharded || hasRows(table, partition)).map((partition) => {
    const rows = rowsFrom(readerOf(table, partition), prefix, after)
    return { rows, next: rows.next() }
  })
  const rows: TableRow[] = []
  let room = limits.pageBytesMax
  for (;;) {
    let least: (typeof heads)[number] | undefined
    for (const head of heads) {
      if (head.next.done === true) continue
      if (least?.next.done !== false || compareKeys(head.next.value[0], least.next.value[0]) < 0) least = head
    }
    if (least?.next.done !== false) return { rows, position: positionOf(table), more: false }
    if (rows.length >= limit || room <= 0) return { rows, position: positionOf(table), more: true }
    const [key, row] = least.next.value
    const value = jsonText(row)
    rows.push({ key, value })
    room -= value.length
    least.next = least.rows.next()
  }
}

function* rowsFrom(reader: TableReader, prefix: string, after: string | undefined): Generator<readonly [key: string, row: unknown], undefined> {
  const behind = after !== undefined && compareKeys(after, prefix) >= 0 ? after : undefined
  if (behind === undefined && prefix !== "") {
    const row = reader.get(prefix)
    if (row !== undefined) yield [prefix, row]
  }
  for (const row of reader.rows(behind ?? (prefix === "" ? undefined : prefix))) {
    if (!row[0].startsWith(prefix)) return
    yield row
  }
}

/** As records are shown: dates as ISO 8601, bigints as decimal texts. */
function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? item.toString() : item)) ?? "null"
}

holdModules(code)
const loaded = loadPrograms(code.files).then(
  (programs) => {
    for (const program of programs) {
      for (const plan of tablesOf(program.plan)) {
        const table = { plan, program }
        tables.push(table)
        for (const scope of plan.rowScopes) byRowScope.set(scope, table)
        for (const scope of [...plan.scopes, stageScope(plan.service, plan.stage)]) read.add(scope)
      }
    }
    return undefined
  },
  (error: unknown) => errorData(error),
)

parentPort?.on("message", (message: ToTables) => {
  void loaded.then((error) => {
    if (error === undefined || message.kind === "end" || message.kind === "collect") onMessage(message)
    else if (message.kind === "ask") send({ kind: "failed", id: message.id, error })
  })
})
