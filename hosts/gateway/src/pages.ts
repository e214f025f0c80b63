/**
 * Pages of other origins that may call: those that whoever runs the node has named, and the addresses of streams, events, tables, tasks and
 * runs alone. What a browser asks before such a request is answered here; its answers get the headers that let the page read them.
 *
 * Not for HTTP functions: their service names who may call them.
 */
import { MillraceError } from "@millrace/model"
import type { IncomingHttpHeaders } from "node:http"

/** What a page needs; how the node is, and functions by name, are for whoever runs it. */
const addresses = /^\/v1\/(streams|events|tables|tasks|runs)(\/|\?|$)/

/** Headers of a request that mean something here and that a page may not send without asking. */
const requestHeaders = "content-type, content-encoding, idempotency-key, last-event-id, prefer, traceparent, tracestate"
/** Headers of an answer that a page could not read without. */
const answerHeaders = "location, preference-applied, retry-after"

/** For how long a browser need not ask again, in seconds. */
const preflightSeconds = 600

export class Pages {
  readonly #origins: ReadonlySet<string>

  /**
   * @param origins - such as `https://shop.example`
   * @throws MR1101 for what is no origin
   */
  constructor(origins: readonly string[]) {
    assertOrigins(origins)
    this.#origins = new Set(origins)
  }

  /** The origin of a page that may send this request; undefined: it comes from none, or from one that may not. */
  originOf(url: string, { origin }: IncomingHttpHeaders): string | undefined {
    return origin !== undefined && this.#origins.has(origin) && addresses.test(url) ? origin : undefined
  }
}

/** Headers that go with every answer to such a page. */
export function pageHeaders(origin: string): Record<string, string> {
  return { "access-control-allow-origin": origin, "access-control-expose-headers": answerHeaders, vary: "origin" }
}

/** The answer to a browser that asks before it sends. @param methods - those of the address */
export function preflightHeaders(methods: readonly string[], { "access-control-request-private-network": near }: IncomingHttpHeaders): Record<string, string> {
  return {
    "access-control-allow-methods": methods.join(", "),
    "access-control-allow-headers": requestHeaders,
    "access-control-max-age": String(preflightSeconds),
    // A page from elsewhere wants to reach this machine.
    ...(near === "true" ? { "access-control-allow-private-network": "true" } : {}),
  }
}

/** @throws MR1101 for what is no origin of a page */
export function assertOrigins(origins: readonly string[]): void {
  for (const origin of origins) assertOrigin(origin)
}

function assertOrigin(origin: string): void {
  const isWhole = URL.canParse(origin) && new URL(origin).origin === origin && origin !== "null"
  if (isWhole) return
  const any = origin === "*" ? " There is no way to let every page call: each that somebody opens on this machine could." : ""
  throw new MillraceError("MR1101", `${JSON.stringify(origin)} is not the origin of a page; it has a scheme, a host and perhaps a port: https://shop.example.${any}`, { origin })
}
