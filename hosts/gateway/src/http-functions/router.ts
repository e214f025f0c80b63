/** Finds the function that answers a request: the most specific route, as API Gateway chooses it. */
import { type FunctionPlan, type HttpRoutePlan, reservedSegments } from "@millrace/model"

export interface Match {
  readonly plan: FunctionPlan
  readonly route: HttpRoutePlan
  /** Decoded. */
  readonly parameters: Readonly<Record<string, string>>
}

interface Entry {
  readonly plan: FunctionPlan
  readonly route: HttpRoutePlan
}

/** Text before a parameter, a parameter before a greedy one, a method before `ANY`. */
const ranks = { text: 0, one: 1, greedy: 2 } as const

export class Router {
  /** Most specific first. */
  readonly #entries: readonly Entry[]

  constructor(plans: readonly FunctionPlan[]) {
    const entries = plans.flatMap((plan) => (plan.http?.routes ?? []).map((route): Entry => ({ plan, route })))
    this.#entries = entries.toSorted((a, b) => compared(a.route, b.route))
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** @param path - as it came, without a query */
  match(method: string, path: string): Match | undefined {
    const found = this.at(path).find(({ route }) => route.method === method || route.method === "ANY")
    return found
  }

  /** Matches of all methods, most specific first. */
  at(path: string): readonly Match[] {
    const texts = path.slice(1).split("/")
    if (path === "/" || !path.startsWith("/") || reservedSegments.has(texts[0] ?? "")) return []
    const decoded = texts.map(decodedText)
    const found: Match[] = []
    for (const { plan, route } of this.#entries) {
      const parameters = parametersOf(route, decoded)
      if (parameters !== undefined) found.push({ plan, route, parameters })
    }
    return found
  }
}

function compared(a: HttpRoutePlan, b: HttpRoutePlan): number {
  if (a.segments === null || b.segments === null) return Number(a.segments === null) - Number(b.segments === null)
  const most = Math.max(a.segments.length, b.segments.length)
  for (let i = 0; i < most; i++) {
    const [first, second] = [a.segments[i], b.segments[i]]
    const difference = (first === undefined ? 3 : ranks[first.kind]) - (second === undefined ? 3 : ranks[second.kind])
    if (difference !== 0) return difference
  }
  return Number(a.method === "ANY") - Number(b.method === "ANY")
}

function parametersOf({ segments }: HttpRoutePlan, texts: readonly string[]): Record<string, string> | undefined {
  if (segments === null) return {}
  const last = segments.at(-1)
  if (last?.kind === "greedy" ? texts.length < segments.length : texts.length !== segments.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [i, segment] of segments.entries()) {
    const text = texts[i] as string
    if (segment.kind === "text") {
      if (text !== segment.text) return undefined
    } else if (segment.kind === "one") {
      if (text === "") return undefined
      parameters[segment.name] = text
    } else {
      const rest = texts.slice(i).join("/")
      if (rest === "") return undefined
      parameters[segment.name] = rest
    }
  }
  return parameters
}

export function decodedText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
