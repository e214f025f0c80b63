export { fileEncoder } from "./encode.ts"
export { openDirectory } from "./directory.ts"
export {
  escapedForPath,
  type FilePart,
  fileName,
  groupRows,
  noValue,
  type PathRows,
  type SinkFile,
  sinkFiles,
} from "./path.ts"
export type { InputSource } from "./input.ts"
export { type ColumnBatch, type ColumnValues, readColumns, type ReadColumnsOptions } from "./read-parquet.ts"
export { formatOf, readRows, type ReadRowsOptions } from "./read-rows.ts"
