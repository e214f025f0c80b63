export type { Clock } from "./clock.ts"
export { createGateway, type Gateway, type GatewayOptions, type Listening } from "./gateway.ts"
export type { Log } from "./log.ts"
export type { From, GatewayNode, IngestAnswer, IngestRequest, LiveBatch, Page, Rejection, Sample } from "./node.ts"
