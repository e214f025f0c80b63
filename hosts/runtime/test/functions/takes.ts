// A handler that writes down what it takes for good, and now and then fails: every 11th call throws, every 13th names a record.
import fs from "node:fs"

interface Event {
  readonly Records: readonly { readonly kinesis: { readonly data: string; readonly sequenceNumber: string } }[]
}

let calls = 0

export const handler = async ({ Records }: Event): Promise<object> => {
  calls++
  if (calls % 11 === 3) throw new Error("the 11th call")
  const failsAt = calls % 13 === 6 ? Math.floor(Records.length / 2) : Records.length
  const taken = Records.slice(0, failsAt).map(({ kinesis }) => Buffer.from(kinesis.data, "base64").toString())
  fs.appendFileSync(process.env["TAKEN"] ?? "", taken.map((line) => `${line}\n`).join(""))
  return { batchItemFailures: Records.slice(failsAt, failsAt + 1).map(({ kinesis }) => ({ itemIdentifier: kinesis.sequenceNumber })) }
}
