/** The node of Millrace: opens a data directory and runs services on it. */
export type { SinkStatus } from "./deliveries.ts"
export { importFault } from "./import-fault.ts"
export { type Log, openLog } from "./log.ts"
export type { Node } from "./node.ts"
export type { NodeStatus } from "./node-status.ts"
export { programOf } from "./programs.ts"
export { giveMemoryBackAtRest } from "./resting-heap.ts"
export { type NodeOptions, startNode } from "./start-node.ts"
