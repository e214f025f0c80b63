// A handler that writes down which records it gets.
import fs from "node:fs"

interface Event {
  readonly Records: readonly { readonly eventID: string; readonly kinesis: { readonly data: string; readonly partitionKey: string } }[]
}

export const handler = async ({ Records }: Event): Promise<void> => {
  const lines = Records.map(({ eventID, kinesis: { partitionKey, data } }) => `${JSON.stringify({ eventID, partitionKey, data })}\n`)
  fs.appendFileSync(process.env["TAILED"] ?? "", lines.join(""))
}
