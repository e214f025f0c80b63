/* global awslambda */
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  const out = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "content-type": "text/plain", "x-id": context.awsRequestId } })
  for (let i = 0; i < (event.parts ?? 3); i++) {
    if (!out.write(`part ${i}\n`)) await new Promise((resolve) => out.once("drain", resolve))
  }
  out.end()
})

export const plain = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("plain ")
  stream.end("text")
})

export const breaksOff = awslambda.streamifyResponse(async (event, stream) => {
  stream.write("begun")
  throw new Error("in the middle")
})
