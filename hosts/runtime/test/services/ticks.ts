// Files that roll by time alone.
import { service, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"

const marks = stream<{ id: string }>("marks", { partitions: 2, key: ({ id }) => id })

export default service("ticks", [marks.to(files("marks", { format: "ndjson", roll: { every: "1s" } }))])
