/** The node of Millrace: opens a data directory and runs services on it. */
export type { SinkStatus } from "./deliveries.ts"
export { importFault } from "./import-fault.ts"
export { type Log, openLog } from "./log.ts"
export { type Node, type NodeOptions, type NodeStatus, startNode } from "./node.ts"
export { giveMemoryBackAtRest } from "./resting-heap.ts"
