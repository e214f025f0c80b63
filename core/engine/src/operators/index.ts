/** Builds the operators of a stage into one call chain, from the last to the first. */
import type { OperatorCode, OperatorPlan } from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import type { View } from "../view.ts"
import type { CallOutcome } from "../calls/call.ts"
import { AsOfOperator } from "./as-of.ts"
import { AsyncOperator, type Calling } from "./async.ts"
import { BroadcastOperator } from "./broadcast.ts"
import { DeduplicateOperator } from "./deduplicate.ts"
import { DistinctOperator } from "./distinct.ts"
import { EnrichOperator } from "./enrich.ts"
import { ForeignSettleOperator, foreignMeet, foreignSend } from "./foreign.ts"
import { filter, flatMap, map, peek, rekey, split } from "./functions.ts"
import { GlobalOperator } from "./global.ts"
import { JoinOperator } from "./join.ts"
import { MatchOperator } from "./match.ts"
import { PartialsOperator } from "./partials.ts"
import { ProcessOperator } from "./process.ts"
import { ReduceOperator } from "./reduce.ts"
import { regroup } from "./regroup.ts"
import { RunningOperator } from "./running.ts"
import { SessionOperator } from "./session.ts"
import { SlidingOperator } from "./sliding.ts"
import { TableJoinOperator } from "./table-join.ts"
import { TableOperator } from "./table.ts"
import { SinkOperator } from "./to-sink.ts"
import { Target, broadcast, repartition, toStream } from "./to-stream.ts"
import { TaskOperator } from "./task.ts"
import { toTask } from "./to-task.ts"
import { TopOperator } from "./top.ts"
import { TopRowsOperator } from "./top-rows.ts"
import { WindowJoinOperator } from "./window-join.ts"
import { WindowOperator } from "./window.ts"

export interface Chain {
  /** Takes the stage's records. */
  readonly push: Push
  /** In the order of the stage's operators, so that each comes after what feeds it. */
  readonly timed: ReadonlyArray<{ readonly name: string; readonly operator: TimedOperator }>
  readonly targets: readonly Target[]
  /** What operators show of what they keep, by name. */
  readonly views: ReadonlyMap<string, View>
  /** Operators that have work done elsewhere, by name: take what has come of it. */
  readonly completing: ReadonlyMap<string, Complete>
  /** Operators that have functions called. */
  readonly calling: readonly Calling[]
}

type Complete = (outcomes: readonly unknown[]) => void

interface Parts {
  /** Takes the results. */
  readonly out: Push
  readonly context: StageContext
  /** Takes what goes to an output of the operator's own, such as `late`. */
  port(name: string): Push
  addTimed(name: string, operator: TimedOperator): void
  /** Lets others see what the operator keeps. */
  show(name: string, view: View): void
  /** The operator has work done elsewhere. */
  completes(name: string, complete: Complete): void
  /** The operator has functions called. */
  calls(operator: Calling): void
  target(stream: string, upstreamBase: number): Target
}

/** The members of a union whose kind may be `Kind`: some have one kind, some share theirs among several. */
type PlanOf<Kind> = OperatorPlan extends infer Each ? (Each extends { kind: infer K } ? (Kind extends K ? Each : never) : never) : never
type CodeOf<Kind> = Extract<OperatorCode, { kind: Kind }>

/** One builder per kind of operator; a kind without one does not compile. */
const builders: { [Kind in OperatorPlan["kind"]]: (plan: PlanOf<Kind>, code: CodeOf<Kind>, parts: Parts) => Push } = {
  map: (_, code, { out, context }) => map(code, out, context),
  filter: (_, code, { out, context }) => filter(code, out, context),
  flatMap: (_, code, { out, context }) => flatMap(code, out, context),
  peek: (_, code, { out, context }) => peek(code, out, context),
  split: (_, code, { out, port, context }) => split(code, port, out, context),
  rekey: (plan, code, { out }) => rekey(code, plan.name, out),
  union: (_, __, { out }) => out,
  side: ({ side }, _, { out }) => (value, key, time) => out([side, value], key, time),
  window: (plan, code, { out, port, context, addTimed, show }) => {
    const operator = new WindowOperator(plan, code, context, out, port("late"))
    addTimed(plan.name, operator)
    show(plan.name, operator)
    return plan.partials === true ? operator.onPart : operator.push
  },
  partials: (plan, code, { out, context, addTimed }) => {
    const operator = new PartialsOperator(plan, code, context, out)
    addTimed(plan.name, operator)
    return operator.push
  },
  session: (plan, code, { out, port, context, addTimed, show }) => {
    const operator = new SessionOperator(plan, code, context, out, port("late"))
    addTimed(plan.name, operator)
    show(plan.name, operator)
    return operator.push
  },
  sliding: (plan, code, { out, port, context, addTimed, show }) => {
    const operator = new SlidingOperator(plan, code, context, out, port("late"))
    addTimed(plan.name, operator)
    show(plan.name, operator)
    return operator.push
  },
  global: (plan, code, { out, context, addTimed, show }) => {
    const operator = new GlobalOperator(plan, code, context, out)
    addTimed(plan.name, operator)
    show(plan.name, operator)
    return operator.push
  },
  process: (plan, code, { out, port, context, addTimed, show }) => {
    const operator = new ProcessOperator(plan, code, context, out, port)
    addTimed(plan.name, operator)
    show(plan.name, operator)
    return operator.push
  },
  join: (plan, code, { out, port, context, addTimed, show }) => {
    const { bound } = plan
    if (bound.kind === "window") {
      const operator = new WindowJoinOperator(plan, bound.window, code, context, out, port("late"))
      addTimed(plan.name, operator)
      return operator.push
    }
    const operator = new JoinOperator(plan, code, context, out, port("late"))
    addTimed(plan.name, operator)
    show(plan.name, operator)
    return operator.push
  },
  regroup: (plan, code, { out }) => regroup(code, plan.name, out),
  table: (plan, code, { out, context, addTimed, show }) => {
    const operator = new TableOperator(plan, code, context, out)
    addTimed(plan.name, operator)
    show(plan.name, operator)
    return operator.push
  },
  deduplicate: (plan, _, { out, port, context, addTimed, show }) => {
    const operator = new DeduplicateOperator(plan, context, out, port("late"))
    addTimed(plan.name, operator)
    show(plan.name, operator)
    return operator.push
  },
  reduce: (plan, code, { out, context, show }) => {
    const operator = new ReduceOperator(plan.name, context)
    show(plan.name, operator)
    return operator.push(code, context, out)
  },
  running: (plan, code, { out, context, show }) => {
    const operator = new RunningOperator(plan, code, context, out)
    show(plan.name, operator)
    return plan.input === "records" ? operator.onRecord : operator.onChange
  },
  top: (plan, code, { out, context, show }) => {
    const operator = new TopOperator(plan, code, context, out)
    show(plan.name, operator)
    return operator.push
  },
  "top-rows": (plan, code, { out, context, show }) => {
    const operator = new TopRowsOperator(plan, code, context, out)
    show(plan.name, operator)
    return operator.push
  },
  distinct: (plan, code, { out, port, context, addTimed }) => {
    const operator = new DistinctOperator(plan, code, context, out, port("late"))
    addTimed(plan.name, operator)
    return operator.push
  },
  enrich: (plan, code, { out, context, show }) => {
    const operator = new EnrichOperator(plan, code, context, out)
    show(plan.name, operator)
    return operator.push
  },
  "as-of": (plan, code, { out, port, context, addTimed }) => {
    const operator = new AsOfOperator(plan, code, context, out, port("late"))
    addTimed(plan.name, operator)
    return operator.push
  },
  "table-join": (plan, code, { out, context, show }) => {
    const operator = new TableJoinOperator(plan, code, context, out)
    show(plan.name, operator)
    return operator.push
  },
  "foreign-send": (plan, code, { out, context }) => foreignSend(plan.name, code, context, out),
  "foreign-meet": (plan, code, { out, context }) => foreignMeet(plan, code, context, out),
  "foreign-settle": (plan, _, { out, context, show }) => {
    const operator = new ForeignSettleOperator(plan.name, context, out)
    show(plan.name, operator)
    return operator.push
  },
  broadcast: (plan, code, { out, context, addTimed, show }) => {
    const operator = new BroadcastOperator(plan.name, code, context, out)
    addTimed(plan.name, operator)
    show(plan.name, operator)
    return operator.push
  },
  match: (plan, code, { out, port, context, addTimed }) => {
    const timedOut = port("timedOut")
    const heard = timedOut === nowhere ? undefined : timedOut
    const operator = new MatchOperator(plan, code, context, { next: out, timedOut: heard, late: port("late") })
    addTimed(plan.name, operator)
    return operator.push
  },
  async: (plan, _, { context, addTimed, completes, calls, target }) => {
    const operator = new AsyncOperator(plan, context, target(plan.stream, plan.upstreamBase))
    addTimed(plan.name, operator)
    completes(plan.name, (outcomes) => operator.complete(outcomes as readonly CallOutcome[]))
    calls(operator)
    return operator.push
  },
  "to-stream": (plan, _, { context, target }) => toStream(plan, target(plan.stream, plan.upstreamBase), context),
  repartition: (plan, _, { target }) => (plan.broadcast === true ? broadcast : repartition)(target(plan.stream, plan.upstreamBase)),
  task: (plan, _, { context, addTimed, show, completes, target }) => {
    const operator = new TaskOperator(plan, context, target)
    addTimed(plan.name, operator)
    show(plan.name, operator)
    completes(plan.name, operator.complete)
    return operator.push
  },
  "to-task": (plan, _, { context, target }) => toTask(plan, target(plan.stream, 0), context),
  "to-sink": (plan, _, { context, addTimed }) => {
    const operator = new SinkOperator(plan, context)
    addTimed(plan.name, operator)
    return operator.push
  },
}

export function chain(codes: readonly OperatorCode[], context: StageContext): Chain {
  const plans = context.stage.operators
  const pushes: Push[] = []
  const timed: { name: string; operator: TimedOperator }[] = []
  const targets = new Map<string, Target>()
  const views = new Map<string, View>()
  const completing = new Map<string, Complete>()
  const calling: Calling[] = []
  const childrenOf = (from: number, port: string): Push =>
    all(
      plans.flatMap((plan, i) =>
        [plan, ...(plan.also ?? [])].flatMap((input) => (input.from === from && input.port === port ? [pushes[i] as Push] : [])),
      ),
    )
  for (let i = plans.length - 1; i >= 0; i--) {
    const plan = plans[i] as OperatorPlan
    const build = builders[plan.kind] as (plan: OperatorPlan, code: OperatorCode | undefined, parts: Parts) => Push
    pushes[i] = build(plan, codes[i], {
      out: childrenOf(i, "out"),
      port: (name) => childrenOf(i, name),
      context,
      addTimed: (name, operator) => timed.unshift({ name, operator }),
      show: (name, view) => views.set(name, view),
      completes: (name, complete) => completing.set(name, complete),
      calls: (operator) => calling.unshift(operator),
      target: (stream, upstreamBase) => {
        const target = targets.get(stream) ?? new Target(stream, upstreamBase, context)
        targets.set(stream, target)
        return target
      },
    })
  }
  return { push: childrenOf(-1, "out"), timed, targets: [...targets.values()], views, completing, calling }
}

/** Where nothing listens. */
const nowhere: Push = () => undefined

function all(pushes: readonly Push[]): Push {
  const [first, second] = pushes
  if (first === undefined) return nowhere
  if (second === undefined) return first
  return (value, key, time) => {
    for (const push of pushes) push(value, key, time)
  }
}
