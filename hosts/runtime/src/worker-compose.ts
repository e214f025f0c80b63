/** The adapters of a worker: the only place that names them. */
export { checkCron, nextCron } from "@millrace/cron"
export { openStateReader } from "@millrace/disk"
