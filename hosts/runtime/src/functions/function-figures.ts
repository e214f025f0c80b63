/** What is counted of functions, for `/metrics`. */
import type { FunctionPlan } from "@millrace/model"
import type { Sample } from "../samples.ts"

/** How a function stands. */
export interface FunctionStand {
  readonly plan: FunctionPlan
  readonly service: string
  readonly instances: number
  readonly busy: number
}

interface Counts {
  returned: number
  failed: number
  throttled: number
  seconds: number
}

export class FunctionFigures {
  readonly #counts: Map<string, Counts> = new Map()

  ended(name: string, returned: boolean, ms: number): void {
    const counts = this.#of(name)
    if (returned) counts.returned++
    else counts.failed++
    counts.seconds += ms / 1000
  }

  throttled(name: string): void {
    this.#of(name).throttled++
  }

  samples(stands: readonly FunctionStand[]): Sample[] {
    if (stands.length === 0) return []
    const by = (name: string, help: string, kind: Sample["kind"], values: Sample["values"]): Sample => ({ name, help, kind, values })
    const counted = [...this.#counts]
    const ends = (["returned", "failed", "throttled"] as const).flatMap((outcome) =>
      counted.map(([name, counts]) => ({ labels: { function: name, outcome }, value: counts[outcome] })),
    )
    return [
      by("millrace_function_invocations_total", "Invocations of functions by their outcome.", "counter", ends),
      by("millrace_function_seconds_total", "Time that invocations have taken, in seconds.", "counter", counted.map(([name, { seconds }]) => ({ labels: { function: name }, value: seconds }))),
      by("millrace_function_instances", "Instances of functions.", "gauge", stands.filter(({ instances }) => instances > 0).map(({ plan, instances }) => ({ labels: { function: plan.name }, value: instances }))),
    ]
  }

  #of(name: string): Counts {
    let counts = this.#counts.get(name)
    if (counts === undefined) {
      counts = { returned: 0, failed: 0, throttled: 0, seconds: 0 }
      this.#counts.set(name, counts)
    }
    return counts
  }
}
