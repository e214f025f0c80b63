/** Requests that pages of other origins send to HTTP functions, as API Gateway treats them. */
import type { CorsPlan } from "@millrace/model"
import type { Match } from "./router.ts"

/** Whether a page of this origin may call. */
export function allows({ origins }: CorsPlan, origin: string): boolean {
  return origins.includes("*") || origins.includes(origin)
}

/** Headers that go with every answer to a page of this origin. */
export function corsHeaders(cors: CorsPlan, origin: string): Record<string, string> {
  const any = cors.origins.includes("*")
  return {
    "access-control-allow-origin": any ? "*" : origin,
    ...(any ? {} : { vary: "origin" }),
    ...(cors.credentials ? { "access-control-allow-credentials": "true" } : {}),
    ...(cors.exposed.length === 0 ? {} : { "access-control-expose-headers": cors.exposed.join(",") }),
  }
}

/** The answer to a browser that asks before it calls. */
export function preflightHeaders(cors: CorsPlan, origin: string, matches: readonly Match[]): Record<string, string> {
  const methods = cors.methods.length > 0 ? cors.methods : [...new Set(matches.map(({ route }) => (route.method === "ANY" ? "*" : route.method)))]
  return {
    ...corsHeaders(cors, origin),
    "access-control-allow-methods": methods.join(","),
    "access-control-allow-headers": cors.headers.join(","),
    "access-control-max-age": String(Math.floor(cors.maxAgeMs / 1000)),
  }
}
