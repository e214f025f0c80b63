/**
 * Effects, calls and outcomes as flat lists, to cross a thread. A message is copied value by value: an object costs several times what
 * its fields cost in a list, and a busy queue sends some for each run. The common ones are laid flat: a tag, then their fields;
 * whatever is said less often goes as the object that it is. Not for anything that is kept: both ends are of one version.
 */
import type { CalledRun, Effect, Outcome } from "@millrace/engine"
import type { Call } from "./attempt-messages.ts"
import type { Flat } from "./flat-list.ts"

const tag = { whole: 0, task: 1, succeeded: 2, call: 3 } as const

/** Effects of a transaction: a task's name once, then its ends as `[succeeded, number]` and its calls as `[call, lease, run's fields]`. */
export function flatEffects(effects: readonly Effect[]): Flat<Effect> {
  const flat: unknown[] = []
  let task: string | undefined
  const of = (name: string): void => {
    if (name === task) return
    flat.push(tag.task, name)
    task = name
  }
  for (const effect of effects) {
    if (effect.kind === "ended" && effect.status === "succeeded" && effect.output === undefined && effect.error === undefined) {
      of(effect.task)
      flat.push(tag.succeeded, effect.number)
    } else if (effect.kind === "call" && !effect.alone && isPlain(effect.runs)) {
      of(effect.task)
      flat.push(tag.call, effect.lease)
      pushRun(flat, effect.runs[0])
    } else flat.push(tag.whole, effect)
  }
  return flat
}

export function effectsOf(flat: Flat<Effect>): readonly Effect[] {
  const effects: Effect[] = []
  let task = ""
  for (let at = 0; at < flat.length; ) {
    switch (flat[at]) {
      case tag.task:
        task = flat[at + 1] as string
        at += 2
        break
      case tag.succeeded:
        effects.push({ kind: "ended", task, number: flat[at + 1] as number, status: "succeeded" })
        at += 2
        break
      case tag.call:
        effects.push({ kind: "call", task, lease: flat[at + 1] as number, runs: [runAt(flat, at + 2)], alone: false })
        at += 2 + runFields
        break
      default:
        effects.push(flat[at + 1] as Effect)
        at += 2
    }
  }
  return effects
}

/** Calls for a thread: service and task once, then each as `[call, lease, run's fields]`. */
export function flatCalls(calls: readonly Call[]): Flat<Call> {
  const flat: unknown[] = []
  let before: Call | undefined
  for (const call of calls) {
    if (!isPlain(call.runs)) {
      flat.push(tag.whole, call)
      continue
    }
    if (before?.service !== call.service || before.task !== call.task) flat.push(tag.task, call.service, call.task)
    before = call
    flat.push(tag.call, call.lease)
    pushRun(flat, call.runs[0])
  }
  return flat
}

export function callsOf(flat: Flat<Call>): readonly Call[] {
  const calls: Call[] = []
  let [service, task] = ["", ""]
  for (let at = 0; at < flat.length; ) {
    switch (flat[at]) {
      case tag.task:
        service = flat[at + 1] as string
        task = flat[at + 2] as string
        at += 3
        break
      case tag.call:
        calls.push({ service, task, lease: flat[at + 1] as number, runs: [runAt(flat, at + 2)] })
        at += 2 + runFields
        break
      default:
        calls.push(flat[at + 1] as Call)
        at += 2
    }
  }
  return calls
}

/** What came of calls: `[succeeded, number, lease, output]`, unless there is more to say. */
export function flatOutcomes(outcomes: readonly Outcome[]): Flat<Outcome> {
  const flat: unknown[] = []
  for (const outcome of outcomes) {
    if (outcome.kind === "succeeded" && outcome.logs === undefined) flat.push(tag.succeeded, outcome.number, outcome.lease, outcome.output)
    else flat.push(tag.whole, outcome)
  }
  return flat
}

export function outcomesIn(flat: Flat<Outcome>): readonly Outcome[] {
  const outcomes: Outcome[] = []
  for (let at = 0; at < flat.length; ) {
    if (flat[at] === tag.succeeded) {
      outcomes.push({ kind: "succeeded", number: flat[at + 1] as number, lease: flat[at + 2] as number, output: flat[at + 3] as string })
      at += 4
    } else {
      outcomes.push(flat[at + 1] as Outcome)
      at += 2
    }
  }
  return outcomes
}

/** Whether these are the runs of a call of one, who say nothing that has no place in the list. */
function isPlain(runs: readonly CalledRun[]): runs is readonly [CalledRun] {
  return runs.length === 1 && runs[0]?.traceparent === undefined && runs[0]?.depth === undefined && runs[0]?.scheduledAt === undefined
}

/** Which fields of a run are laid flat: a new one has to be named here. */
const laid: Readonly<Record<keyof CalledRun, boolean>> = {
  number: true,
  attempt: true,
  input: true,
  key: true,
  enqueuedAt: true,
  traceparent: false,
  tracestate: false,
  depth: false,
  scheduledAt: false,
}
const runFields = Object.values(laid).filter(Boolean).length

function pushRun(flat: unknown[], { number, attempt, input, key, enqueuedAt }: CalledRun): void {
  flat.push(number, attempt, input, key, enqueuedAt)
}

function runAt(flat: readonly unknown[], at: number): CalledRun {
  return {
    number: flat[at] as number,
    attempt: flat[at + 1] as number,
    input: flat[at + 2] as string,
    key: flat[at + 3] as string,
    enqueuedAt: flat[at + 4] as number,
  }
}
