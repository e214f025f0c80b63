/** The adapters of a worker: the only place that names them. */
export { openStateReader } from "@millrace/disk"
