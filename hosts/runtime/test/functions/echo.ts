// A handler in TypeScript: the module's scope runs once per instance.
let calls = 0
const started = performance.now()

interface Context {
  readonly awsRequestId: string
  getRemainingTimeInMillis(): number
}

export const handler = async (event: unknown, context: Context): Promise<object> => {
  calls++
  console.log("called with %j", event)
  return { event, calls, started, id: context.awsRequestId, left: context.getRemainingTimeInMillis(), context: { ...context }, env: process.env }
}
