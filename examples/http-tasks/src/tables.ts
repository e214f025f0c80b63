/**
 * `POST /tables`: a Lambda handler with API Gateway's payload format 2.0. Decodes what comes (JSON with a `url`, or a table as
 * CSV), has the task do the work, and packages its result as the answer. With `?wait=0` the answer is where to look for it.
 */
import { describeTable } from "./describe-table.ts"

interface Event {
  readonly headers: Readonly<Record<string, string>>
  readonly queryStringParameters?: Readonly<Record<string, string>>
  readonly body?: string
  readonly isBase64Encoded: boolean
}

interface Answer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export const handler = async ({ headers, queryStringParameters: query = {}, body = "", isBase64Encoded }: Event): Promise<Answer> => {
  const text = isBase64Encoded ? Buffer.from(body, "base64").toString() : body
  const withRows = query["rows"] === "all"
  let input: { url: string; withRows: boolean } | { csv: string; withRows: boolean }
  try {
    input = headers["content-type"]?.startsWith("text/csv") ? { csv: text, withRows } : { ...(JSON.parse(text) as { url: string }), withRows }
  } catch {
    return json(400, { message: "The body is neither JSON such as {\"url\": …} nor text/csv." })
  }
  try {
    if (query["wait"] !== "0") return json(200, await describeTable.call(input))
    const { id } = await describeTable.send(input)
    return json(202, { run: id }, { location: `/v1/runs/${id}` })
  } catch (error) {
    // What does not fit the task's input is the caller's to mend, and says where.
    const { code, message, details } = error as { code?: string; message: string; details?: object }
    return code === "MR1023" ? json(422, { message, ...details }) : json(502, { message })
  }
}

function json(statusCode: number, body: object, headers: Record<string, string> = {}): Answer {
  return { statusCode, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) }
}
