/** The systems that are measured, ours first. */
import { bullmq } from "./bullmq.ts"
import { graphileWorker } from "./graphile-worker.ts"
import { millrace } from "./millrace.ts"
import { pgBoss } from "./pg-boss.ts"
import type { System } from "./queue.ts"

export const systems: readonly System[] = [millrace, bullmq, graphileWorker, pgBoss]
