/** Routes of HTTP functions, as API Gateway writes them: `POST /orders/{id}`, `ANY /files/{path+}`, `$default`. */
import { type HttpRoutePlan, type HttpSegment, MillraceError, reservedSegments } from "@millrace/model"

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY"]

/** @throws MR1101 */
export function routePlan(key: unknown, what: string): HttpRoutePlan {
  const refusal = (why: string): MillraceError => new MillraceError("MR1101", `${what}: ${why}`, { given: key })
  if (key === "$default") return Object.freeze({ key, method: "ANY", segments: null })
  const match = typeof key === "string" ? /^([A-Z]+) (\/\S*)$/.exec(key) : null
  const [, method = "", path = ""] = match ?? []
  if (match === null || !methods.includes(method)) {
    throw refusal(`expected a route such as "POST /orders/{id}": one of ${methods.join(", ")}, a space and a path; or "$default".`)
  }
  const texts = path.slice(1).split("/")
  if (path === "/" || reservedSegments.has(texts[0] ?? "")) {
    throw refusal(`${path} is an address of the node itself. Choose a path outside of /, ${[...reservedSegments].map((name) => `/${name}`).join(", ")}.`)
  }
  const names = new Set<string>()
  const segments = texts.map((text, i): HttpSegment => {
    const parameter = /^\{([A-Za-z0-9._-]+)(\+?)\}$/.exec(text)
    if (parameter === null) {
      if (text === "" || /[{}?#%]/.test(text)) throw refusal(`${JSON.stringify(text)} is not a segment of a path: text, {name}, or {name+} at the end.`)
      return Object.freeze({ kind: "text", text })
    }
    const [, name = "", plus] = parameter
    if (names.has(name)) throw refusal(`{${name}} stands there twice; name one otherwise.`)
    names.add(name)
    if (plus === "") return Object.freeze({ kind: "one", name })
    if (i < texts.length - 1) throw refusal(`{${name}+} takes all that follows, so it must be the last segment.`)
    if (i === 0) throw refusal(`{${name}+} alone takes the node's own addresses too; use "$default" for what no other route takes.`)
    return Object.freeze({ kind: "greedy", name })
  })
  return Object.freeze({ key: key as string, method, segments: Object.freeze(segments) })
}

/** A function's name made of its route. */
export function nameOfRoute(key: string): string {
  const name = key.toLowerCase().replaceAll(/[^a-z0-9_]+/g, "-")
  return name.replaceAll(/^-+|-+$/g, "").slice(0, 64)
}
