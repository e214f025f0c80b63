/** Files as sinks, and reading them back: `import { day, files, readColumns } from "millrace/files"`. */
export * from "@millrace/sdk/files"
export { readColumns } from "./compose.ts"
export type { ColumnBatch, ColumnValues, ReadColumnsOptions } from "./compose.ts"
export type { ColumnType, ColumnTypes, FileFormat, PathColumn } from "@millrace/model"
