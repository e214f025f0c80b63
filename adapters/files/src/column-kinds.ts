/** What a column of a Parquet file can be, and how the values of rows become what Parquet stores. */
import type { ColumnType } from "@millrace/model"
import type { SchemaElement } from "hyparquet"
import { instantMs } from "./instant.ts"
import { plainJson } from "./json-text.ts"

/** The column types that users can name, and bytes, which only values can ask for. */
export type ColumnKindName = ColumnType | "bytes"

export interface ColumnKind {
  /** Its Parquet type. */
  readonly element: Omit<SchemaElement, "name" | "repetition_type">
  /** What it takes, for people: a word of JavaScript's world. */
  readonly takes: string
  /**
   * Whether readers may skip row groups by its least and greatest value: of nested values and bytes these are as long
   * as the values.
   */
  readonly statistics: boolean
  /** What Parquet stores for a value that is neither null nor undefined; undefined when the value does not fit. */
  readonly cell: (value: unknown) => unknown
}

const int64Most = 2n ** 63n - 1n

/** The kinds by name. */
export const columnKinds: Readonly<Record<ColumnKindName, ColumnKind>> = {
  boolean: {
    element: { type: "BOOLEAN" },
    takes: "booleans",
    statistics: true,
    cell: (value) => (typeof value === "boolean" ? value : undefined),
  },
  double: {
    element: { type: "DOUBLE" },
    takes: "numbers",
    statistics: true,
    cell: (value) => (typeof value === "number" ? value : undefined),
  },
  int64: {
    // Without a logical type: hyparquet-writer 0.17 writes that of integers with a width of 32 bits where Thrift wants
    // 8.
    element: { type: "INT64", converted_type: "INT_64" },
    takes: "whole numbers of at most 64 bits",
    statistics: true,
    cell: (value) => {
      if (typeof value === "bigint") return value <= int64Most && value >= -int64Most - 1n ? value : undefined
      return Number.isSafeInteger(value) ? BigInt(value as number) : undefined
    },
  },
  string: {
    element: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
    takes: "text",
    statistics: true,
    cell: (value) => (typeof value === "string" ? value : undefined),
  },
  timestamp: {
    element: {
      type: "INT64",
      converted_type: "TIMESTAMP_MILLIS",
      logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
    },
    takes: "instants (a Date, milliseconds since the epoch, ISO 8601 text)",
    statistics: true,
    cell: (value) => {
      const ms = instantMs(value)
      return Number.isNaN(ms) ? undefined : BigInt(Math.floor(ms))
    },
  },
  json: {
    element: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
    takes: "plain values, nested ones too",
    statistics: false,
    cell: (value) => plainJson(value),
  },
  bytes: {
    element: { type: "BYTE_ARRAY" },
    takes: "bytes (Uint8Array)",
    statistics: false,
    cell: (value) => (value instanceof Uint8Array ? value : undefined),
  },
}

/** The kind of column that a value asks for; undefined for what is no value: null, undefined, functions. */
export function kindOf(value: unknown): ColumnKindName | undefined {
  switch (typeof value) {
    case "number":
      return "double"
    case "string":
      return "string"
    case "boolean":
      return "boolean"
    case "bigint":
      return "int64"
    case "object":
      if (value === null) return undefined
      if (value instanceof Date) return "timestamp"
      return value instanceof Uint8Array ? "bytes" : "json"
    case "undefined":
    case "function":
    case "symbol":
      return undefined
  }
}
