// A handler that has work done by tasks.
import { isMillraceError } from "@millrace/model"
import { task } from "@millrace/sdk"

const square = task("square", { run: (input: unknown) => input })
const none = task("none", { run: () => 0 })

const codeOf = (error: unknown): string => (isMillraceError(error) ? error.code : "?")

export const handler = async (event: unknown): Promise<object> => {
  const called = await square.call(event)
  const handle = await square.send(event)
  const refused = await none.send(1).catch(codeOf)
  const { status, progress, enqueuedAt } = await handle.run()
  const told = [status, progress, enqueuedAt.getTime(), await handle.cancel().catch(codeOf), await handle.retry().catch(codeOf)]
  return { called, sent: handle.id, result: await handle.result(), refused, told }
}
