/** The Kinesis API before a node. */
export type { ApiRequest, ApiResponse } from "./exchange.ts"
export { signatureFault, type SignedRequest } from "./signature.ts"
export { createKinesis, type KinesisApi, type KinesisOptions } from "./kinesis.ts"
