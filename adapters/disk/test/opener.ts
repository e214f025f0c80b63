// A process that opens a store and says what came of it.
import { isMillraceError } from "@millrace/model"
import { open } from "./history.ts"

try {
  const store = await open(process.argv[2] ?? "")
  await store.close()
  process.stdout.write("opened")
} catch (error) {
  process.stdout.write(isMillraceError(error) ? `${error.code} ${error.message}` : String(error))
}
