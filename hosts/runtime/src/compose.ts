/** The adapters of a node: the only place that names them. */
export { openDiskStore } from "@millrace/disk"
