// A handler that has work done by tasks.
import { isMillraceError } from "@millrace/model"
import { task } from "@millrace/sdk"

const square = task("square", { run: (input: unknown) => input })
const none = task("none", { run: () => 0 })

export const handler = async (event: unknown): Promise<object> => {
  const called = await square.call(event)
  const handle = await square.send(event)
  const refused = await none.send(1).catch((error: unknown) => (isMillraceError(error) ? error.code : "?"))
  return { called, sent: handle.id, result: await handle.result(), refused }
}
