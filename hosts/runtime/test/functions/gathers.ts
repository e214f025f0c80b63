// Says that it has begun, and waits until it is let go: for tests that count how many run at once.
import fs from "node:fs"

export const handler = async (): Promise<void> => {
  const { BEGUN = "", GO = "" } = process.env
  fs.appendFileSync(BEGUN, "begun\n")
  while (!fs.existsSync(GO)) await new Promise((resolve) => setTimeout(resolve, 5))
}
