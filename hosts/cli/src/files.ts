/** Files as sinks, and reading them back: `import { day, files, readColumns } from "millrace/files"`. */
export { day, files, hour, month, year } from "@millrace/sdk/files"
export type { FilesOptions, RollOptions, Row, RowOf, SegmentValue, TimeSegment } from "@millrace/sdk/files"
export { readColumns } from "./compose.ts"
export type { ColumnBatch, ColumnValues, ReadColumnsOptions } from "./compose.ts"
export type { ColumnType, ColumnTypes, FileFormat, PathColumn } from "@millrace/model"
