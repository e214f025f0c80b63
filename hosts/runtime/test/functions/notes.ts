// A handler that writes down each event.
import fs from "node:fs"

export const handler = async ({ n }: { readonly n: number }): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, n % 4))
  fs.appendFileSync(process.env["TAKEN"] ?? "", `${n}\n`)
}
