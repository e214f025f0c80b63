/* global awslambda */
// Handlers that stream their answers, as they are on AWS.
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  const metadata = { statusCode: 201, headers: { "content-type": "text/plain", "x-left": String(context.getRemainingTimeInMillis()) }, cookies: ["a=1"] }
  const out = awslambda.HttpResponseStream.from(stream, metadata)
  const parts = Number(event.queryStringParameters?.parts ?? 3)
  for (let i = 0; i < parts; i++) {
    if (!out.write(`part ${i}\n`)) await new Promise((resolve) => out.once("drain", resolve))
  }
  out.end()
})

export const plain = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType("text/csv")
  stream.write("a,b\n")
  stream.end(`${event.n ?? 0},2\n`)
})

export const breaksOff = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("begun")
  await new Promise((resolve) => setImmediate(resolve))
  throw new RangeError("in the middle")
})

export const neverEnds = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("begun")
})

export const large = awslambda.streamifyResponse(async (event, stream) => {
  for (let i = 0; i < 8; i++) if (!stream.write("x".repeat(1_048_576))) await new Promise((resolve) => stream.once("drain", resolve))
  stream.end()
})
