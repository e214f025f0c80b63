/** A request of HTTP as API Gateway tells it to a Lambda function: payload format 2.0. */
import { decodedText, type Match } from "./router.ts"

export interface HttpRequest {
  readonly method: string
  /** With its query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly remoteAddress: string
  readonly protocol: string
}

/** The account in every name: a node has one. */
const account = "000000000000"

/** What API Gateway takes for text; all else is binary to it, forms and bodies without a type too. */
const textual = /^(text\/.*|application\/(json|xml|javascript))$/

export function eventOf(request: HttpRequest, { route, parameters }: Match, body: Uint8Array, requestId: string, now: number): object {
  const { method, url, headers, remoteAddress, protocol } = request
  const at = url.indexOf("?")
  const path = decodedText(at === -1 ? url : url.slice(0, at))
  const rawQueryString = at === -1 ? "" : url.slice(at + 1)
  const query = joined(new URLSearchParams(rawQueryString))
  const host = one(headers["host"] ?? headers[":authority"]) ?? ""
  const cookies = cookiesOf(headers["cookie"])
  const isText = textual.test((one(headers["content-type"]) ?? "").split(";")[0]?.trim().toLowerCase() ?? "") && headers["content-encoding"] === undefined
  return {
    version: "2.0",
    routeKey: route.key,
    rawPath: path,
    rawQueryString,
    ...(cookies.length === 0 ? {} : { cookies }),
    headers: { ...headersOf(headers, host), ...forwarded(request, host) },
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: account,
      apiId: "millrace",
      domainName: host,
      domainPrefix: host.split(/[.:]/)[0] ?? "",
      http: { method, path, protocol, sourceIp: remoteAddress, userAgent: one(headers["user-agent"]) ?? "" },
      requestId,
      routeKey: route.key,
      stage: "$default",
      time: clfTime(now),
      timeEpoch: now,
    },
    ...(Object.keys(parameters).length === 0 ? {} : { pathParameters: parameters }),
    ...(body.length === 0 ? {} : { body: isText ? Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8") : Buffer.from(body.buffer, body.byteOffset, body.length).toString("base64") }),
    isBase64Encoded: body.length > 0 && !isText,
  }
}

/** Cookies are told apart from the headers; what HTTP/2 puts among them begins with a colon. */
function headersOf(headers: HttpRequest["headers"], host: string): Record<string, string> {
  const all: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    const text = one(value)
    if (text !== undefined && name !== "cookie" && !name.startsWith(":")) all[name.toLowerCase()] = text
  }
  if (host !== "") all["host"] = host
  return all
}

/** What a gateway says of the client before it. */
function forwarded({ headers, remoteAddress }: HttpRequest, host: string): Record<string, string> {
  const before = one(headers["x-forwarded-for"])
  return {
    "x-forwarded-for": before === undefined ? remoteAddress : `${before}, ${remoteAddress}`,
    "x-forwarded-port": one(headers["x-forwarded-port"]) ?? /:(\d+)$/.exec(host)?.[1] ?? "80",
    "x-forwarded-proto": one(headers["x-forwarded-proto"]) ?? "http",
  }
}

function cookiesOf(header: string | readonly string[] | undefined): string[] {
  const all = header === undefined ? [] : typeof header === "string" ? [header] : header
  return all.flatMap((text) => text.split(";")).map((cookie) => cookie.trim()).filter((cookie) => cookie !== "")
}

/** Values of one name are joined by commas. */
function joined(query: URLSearchParams): Record<string, string> | undefined {
  const all = new Map<string, string>()
  for (const [name, value] of query) {
    const before = all.get(name)
    all.set(name, before === undefined ? value : `${before},${value}`)
  }
  return all.size === 0 ? undefined : Object.fromEntries(all)
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" || value === undefined ? value : value.join(",")
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

/** The common log format's time: `12/Mar/2020:19:03:58 +0000`. */
function clfTime(ms: number): string {
  const at = new Date(ms)
  const two = (n: number): string => String(n).padStart(2, "0")
  const day = `${two(at.getUTCDate())}/${months[at.getUTCMonth()]}/${at.getUTCFullYear()}`
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`
}
