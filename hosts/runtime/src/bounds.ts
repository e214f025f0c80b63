/** The bounds of one node that may be set otherwise than `limits.ts` has them: by small machines, and by tests. */
import { limits } from "@millrace/model"

export interface Bounds {
  /** See `limits.handlerMsMax`. */
  readonly handlerMsMax: number
  /** See `limits.taskBlockedMsMax`. */
  readonly taskBlockedMsMax: number
  /** See `limits.loadMsMax`. */
  readonly loadMsMax: number
  /** See `limits.workerHeapMegabytesMax`. */
  readonly workerHeapMegabytesMax: number
  /** See `limits.stateMemoryBytesMax`. */
  readonly stateMemoryBytesMax: number
  /** See `limits.transactionBytes`. */
  readonly transactionBytes: number
  /** See `limits.workerIdleMs`. */
  readonly workerIdleMs: number
  /** See `limits.ingestQueueBytesMax`. */
  readonly ingestQueueBytesMax: number
  /** See `limits.stageLagBytesMax`. */
  readonly stageLagBytesMax: number
  /** See `limits.journalQueueBytesMax`. */
  readonly journalQueueBytesMax: number
  /** See `limits.idempotencyKeysMax`. */
  readonly idempotencyKeysMax: number
  /** See `limits.segmentBytes`. */
  readonly segmentBytes: number
  /** See `limits.checkpointBytes`. */
  readonly checkpointBytes: number
  /** See `limits.checkpointBytesMin`. */
  readonly checkpointBytesMin: number
  /** See `limits.stateRetryMs`. */
  readonly stateRetryMs: number
  /** See `limits.deliveryRetryMsMin`. */
  readonly deliveryRetryMsMin: number
  /** See `limits.tableChangesMax`. */
  readonly tableChangesMax: number
  /** See `limits.functionInstancesMax`. */
  readonly functionInstancesMax: number
  /** See `limits.functionIdleMs`. */
  readonly functionIdleMs: number
  /** See `limits.functionInitMsMax`. */
  readonly functionInitMsMax: number
  /** See `limits.drainMs`. */
  readonly drainMs: number
  /** How often ticks, checkpoints and a refusing disk are looked after, in ms. */
  readonly careMs: number
  /** How often data that nobody wants any more is removed, in ms. */
  readonly sweepMs: number
}

const defaults: Bounds = {
  handlerMsMax: limits.handlerMsMax,
  taskBlockedMsMax: limits.taskBlockedMsMax,
  loadMsMax: limits.loadMsMax,
  workerHeapMegabytesMax: limits.workerHeapMegabytesMax,
  stateMemoryBytesMax: limits.stateMemoryBytesMax,
  transactionBytes: limits.transactionBytes,
  workerIdleMs: limits.workerIdleMs,
  ingestQueueBytesMax: limits.ingestQueueBytesMax,
  stageLagBytesMax: limits.stageLagBytesMax,
  journalQueueBytesMax: limits.journalQueueBytesMax,
  idempotencyKeysMax: limits.idempotencyKeysMax,
  segmentBytes: limits.segmentBytes,
  checkpointBytes: limits.checkpointBytes,
  checkpointBytesMin: limits.checkpointBytesMin,
  stateRetryMs: limits.stateRetryMs,
  deliveryRetryMsMin: limits.deliveryRetryMsMin,
  tableChangesMax: limits.tableChangesMax,
  functionInstancesMax: limits.functionInstancesMax,
  functionIdleMs: limits.functionIdleMs,
  functionInitMsMax: limits.functionInitMsMax,
  drainMs: limits.drainMs,
  careMs: 250,
  sweepMs: 10_000,
}

export function boundsOf(given: Partial<Bounds> = {}): Bounds {
  return { ...defaults, ...given }
}
