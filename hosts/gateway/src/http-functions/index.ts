/** HTTP functions apart from a gateway: what a request becomes, and what an answer is. */
export type { MountedResponse } from "../mount.ts"
export type { FunctionInvocation, GatewayFunctions } from "../functions/functions.ts"
export { createHttpFunctions } from "./http-functions.ts"
