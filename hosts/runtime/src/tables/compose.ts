/** The adapters of the thread that reads tables: the only place that names them. */
export { openStateView } from "@millrace/disk"
