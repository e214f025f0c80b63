/** What the thread of {@link FoldThread} does: takes jobs one by one, answers each with the new checkpoint or what went wrong, and ends when told. */
import { parentPort, workerData } from "node:worker_threads"
import { errorData } from "@millrace/model"
import { fold, type FoldJob } from "./fold.ts"
import type { FoldAnswer } from "./fold-thread.ts"
import { stateFault } from "./state-fault.ts"
import { openStateDatabase } from "./state-store.ts"

const dir = workerData as string
const database = openStateDatabase(dir)

parentPort?.on("message", (job: FoldJob | "close") => {
  if (job === "close") {
    void database.close().finally(() => parentPort?.close())
    return
  }
  parentPort?.postMessage(answerTo(job))
})

function answerTo(job: FoldJob): FoldAnswer {
  try {
    // What the store itself has folded since.
    database.resetReadTxn()
    return { checkpoint: fold(database, job) }
  } catch (error) {
    return { error: errorData(stateFault(error, dir)) }
  }
}
