/** What the front door asks of a node about tables: the smallest port that works. The runtime's tables fit it by shape. */
import type { TableFacts } from "@millrace/protocol"

/** Rows, and what they reflect. */
export interface NodeRows {
  readonly table: string
  /** The stream whose offsets `position` holds: for each partition the first that is not reflected. */
  readonly stream: string
  readonly position: readonly number[]
  /** Values as JSON texts; undefined: the key has no row. */
  readonly rows: ReadonlyArray<{ readonly key: string; readonly value: string | undefined }>
  /** Whether there are more behind the last row. */
  readonly more: boolean
}

export interface GatewayTables {
  readonly all: readonly TableFacts[]
  /** One row: that of the key. @throws MR1025, MR1201, MR1202, MR1203, MR1204, MR1302, MR1401 */
  row(table: string, key: string): Promise<NodeRows>
  /** Rows in the order of their keys as UTF-8 bytes. @throws as `row` */
  page(table: string, range: { readonly prefix: string; readonly after?: string; readonly limit: number }): Promise<NodeRows>
  /**
   * First no rows, with the position at which it begins; then rows as they change.
   *
   * @throws MR1014 when more has changed than is remembered for one reader, and as `row`
   */
  follow(table: string, prefix: string, signal: AbortSignal): AsyncIterable<NodeRows>
}
