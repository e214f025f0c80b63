// The service "lines" with a column that takes any value.
import { service, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import type { Line } from "./lines.ts"

const lines = stream<Line>("lines", { partitions: 1, key: ({ id }) => id, retention: "1ms" })

export default service("lines", [
  lines.to(files("lines", { format: "parquet", columns: { id: "string", v: "json" }, roll: { size: "2KB", every: "1d" } })),
])
