/** GET /errors/{code}: where the `type` of problem details leads. */
import { type Advice, type ErrorCode, errorTable, MillraceError } from "@millrace/model"
import type { Handler } from "../gate.ts"

const next: Readonly<Record<Advice, string>> = {
  fix: "The same request will fail again: mend what the detail names, then send it.",
  retry: "The same request may succeed later: wait as long as Retry-After says, then send it again.",
  operate: "Someone must tend the node: its log and GET /v1/status say more.",
}

export const explainError: Handler = (context) => {
  const code = context.req.param("code") ?? ""
  if (!Object.hasOwn(errorTable, code))
    throw new MillraceError("MR1012", `There is no error code ${JSON.stringify(code.slice(0, 200))}.`)
  const { title, status, advice } = errorTable[code as ErrorCode]
  const text = `${code}: ${title}\n\nHTTP status ${status}.\n${next[advice]}\n\nMore: docs/errors/${code}.md.\n`
  return new Response(text, { headers: { "content-type": "text/plain; charset=utf-8" } })
}
