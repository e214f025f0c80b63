/** `millrace table [NAME] [KEY]`: shows the tables, the rows of one, or one row; as they are now, or as they change. */
import { limits, MillraceError } from "@millrace/model"
import type { Client, TableEvent } from "@millrace/protocol"
import type { Command } from "commander"
import { example } from "../example.ts"
import { type AddressOptions, addAddress, clientsOf } from "../node-address.ts"
import { wholeNumber } from "../option-values.ts"
import type { Terminal } from "../terminal.ts"

interface TableOptions extends AddressOptions {
  readonly prefix?: string
  readonly limit?: number
  readonly follow?: true
  readonly json?: true
}

export function define(command: Command, terminal: Terminal): void {
  addAddress(command)
    .argument("[NAME]", "the table: the name of the operator that keeps it; without it: a list of the tables")
    .argument("[KEY]", "show the row of this key alone")
    .option("--prefix <TEXT>", "only keys that begin with this")
    .option("--limit <N>", "stop after so many rows", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("--follow", "go on with rows as they change; a row that has gone is shown as -")
    .option("--json", "print each row as one line of JSON")
    .addHelpText("after", example("millrace table velocity --prefix 47", "millrace table velocity 4711 exits with 1 when the key has no row."))
    .action((name: string | undefined, key: string | undefined, options: TableOptions) => show(name, key, options, terminal))
}

async function show(name: string | undefined, key: string | undefined, options: TableOptions, terminal: Terminal): Promise<void> {
  const { impatient, patient } = clientsOf(options, terminal)
  if (name === undefined) return await list(impatient, options, terminal)
  if (key !== undefined) {
    const { prefix, limit, follow } = options
    if (prefix !== undefined || limit !== undefined || follow !== undefined) {
      throw new MillraceError("MR1601", "With a key there is one row: leave out --prefix, --limit and --follow.")
    }
    const row = await impatient.row(name, key)
    if (row === undefined) throw new MillraceError("MR1026", `Table "${name}" has no row of the key ${JSON.stringify(key)}.`, { table: name, key })
    return terminal.out(`${JSON.stringify(options.json === true ? row : row.value)}\n`)
  }
  const rows = options.follow === true ? following(impatient, patient, name, options, terminal) : present(impatient, name, options)
  let shown = 0
  for await (const row of rows) {
    terminal.out(options.json === true ? `${JSON.stringify(row)}\n` : lineOf(row))
    await terminal.drained()
    if (++shown >= (options.limit ?? Infinity) || terminal.stopped.aborted) return
  }
}

async function list(client: Client, { json }: TableOptions, terminal: Terminal): Promise<void> {
  const tables = await client.tables()
  if (json !== true && tables.length === 0) terminal.err("The services of this node keep no tables.\n")
  for (const table of tables) {
    terminal.out(json === true ? `${JSON.stringify(table)}\n` : `${table.name}  of ${table.service}, from ${table.stream} (${table.partitions} partitions)\n`)
  }
}

interface Row {
  readonly key: string
  readonly value?: unknown
}

async function* present(client: Client, name: string, { prefix, limit = Infinity }: TableOptions): AsyncGenerator<Row> {
  let left = limit
  for (let cursor: string | undefined; ; ) {
    const page = await client.rows(name, {
      limit: Math.min(left, 1000, limits.pageRowsMax),
      ...(prefix === undefined ? {} : { prefix }),
      ...(cursor === undefined ? {} : { cursor }),
    })
    yield* page.rows
    left -= page.rows.length
    if (page.next === undefined || left <= 0) return
    cursor = page.next
  }
}

async function* following(impatient: Client, patient: Client, name: string, { prefix }: TableOptions, terminal: Terminal): AsyncGenerator<Row> {
  // A node that is not there, or a table that is none, shows at once.
  await impatient.rows(name, { limit: 1 })
  const events: AsyncIterable<TableEvent> = patient.liveTable(name, { from: "earliest", signal: terminal.stopped, ...(prefix === undefined ? {} : { prefix }) })
  for await (const event of events) {
    if (event.kind === "row") yield { key: event.key, ...("value" in event ? { value: event.value } : {}) }
  }
}

function lineOf(row: Row): string {
  return `${row.key}  ${"value" in row ? JSON.stringify(row.value) : "-"}\n`
}
