/** The thread of one fold: started with a job, answers with the new checkpoint or what went wrong, and ends. */
import { parentPort, workerData } from "node:worker_threads"
import { errorData } from "@millrace/model"
import { fold, type FoldJob } from "./fold.ts"
import { stateFault } from "./state-fault.ts"
import { openStateDatabase } from "./state-store.ts"

const job = workerData as FoldJob
const database = openStateDatabase(job.dir)
try {
  parentPort?.postMessage({ checkpoint: fold(database, job) })
} catch (error) {
  parentPort?.postMessage({ error: errorData(stateFault(error, job.dir)) })
} finally {
  await database.close()
}
