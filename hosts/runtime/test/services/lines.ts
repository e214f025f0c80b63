// Records become rows of files, as they are.
import { service, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"

export interface Line {
  readonly id: string
  readonly v: unknown
}

const lines = stream<Line>("lines", { partitions: 1, key: ({ id }) => id, retention: "1ms" })

export default service("lines", [lines.to(files("lines", { format: "parquet", roll: { size: "2KB", every: "1d" } }))])
