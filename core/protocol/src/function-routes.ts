/** The routes about functions. */
import type { Content, OperationId, Route } from "./route.ts"
import { ref } from "./schemas.ts"

const json = (schema: Content[string]["schema"]): Content => ({ "application/json": { schema } })

type FunctionOperation = Extract<OperationId, `${string}Function` | `${string}Functions`>

export const functionRoutes: { readonly [Id in FunctionOperation]: Route & { readonly id: Id } } = {
  listFunctions: {
    id: "listFunctions",
    method: "GET",
    path: "/v1/functions",
    summary: "List the functions",
    parameters: [],
    answer: { status: 200, description: "The functions and how they stand.", content: json(ref("FunctionList")) },
    errors: ["MR1401"],
  },
  invokeFunction: {
    id: "invokeFunction",
    method: "POST",
    path: "/v1/functions/{function}/invocations",
    summary: "Call a function and wait for its end",
    description: "The body is the event, `{}` when there is none. A function that fails is an answer, not a failure of the request.",
    parameters: [{ name: "function", in: "path", description: "Name of the function.", schema: { type: "string", minLength: 1 } }],
    body: json({ description: "The event." }),
    answer: { status: 200, description: "What became of it.", content: json(ref("InvocationReply")) },
    errors: ["MR1001", "MR1006", "MR1007", "MR1010", "MR1020", "MR1031", "MR1034", "MR1401"],
  },
  redriveFunction: {
    id: "redriveFunction",
    method: "POST",
    path: "/v1/functions/{function}/redrive",
    summary: "Call a function again with what its mappings have given up",
    description:
      "Mapping by mapping the batches that were given up to a stream or to S3, in their order, up to those that are there when it begins. What fails again stops the batches of its shard of that mapping; the next redrive goes on with it. Events that nobody waits for and that were given up go back to the queue. It ends when the request is cut off.",
    parameters: [
      { name: "function", in: "path", description: "Name of the function.", schema: { type: "string", minLength: 1 } },
      { name: "stream", in: "query", description: "Only the batches of this stream. Absent: those of all streams that feed the function, and events.", schema: { type: "string", minLength: 1 } },
    ],
    answer: { status: 200, description: "What it came to.", content: json(ref("RedriveReply")) },
    errors: ["MR1009", "MR1010", "MR1031", "MR1401", "MR1501"],
  },
}
