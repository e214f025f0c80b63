/** The tasks that services on this node have, and whose run an id names. */
import { PlainIntake } from "@millrace/engine"
import { MillraceError, type Plan, type TaskPlan, limits, nearNames } from "@millrace/model"
import type { Seat } from "../messages.ts"
import type { LeftTask } from "./left-tasks.ts"

export interface KnownTask {
  readonly plan: TaskPlan
  readonly seat: Seat
  /** Undefined where the task's code looks at its inputs. */
  readonly plain: PlainIntake | undefined
}

/** A run that an id names, whether there is one or not. */
export interface NamedRun {
  readonly known: KnownTask
  readonly number: number
}

export class KnownTasks {
  #known: ReadonlyMap<string, KnownTask> = new Map()
  /** Stages of queues, by service. */
  #queues: ReadonlyMap<string, ReadonlySet<string>> = new Map()
  /** Tasks that no service has any more, by name. */
  #left: ReadonlyMap<string, LeftTask> = new Map()

  /** Other services run now. */
  open(plans: readonly Plan[], left: readonly LeftTask[]): void {
    this.#left = new Map(left.map((each) => [each.task, each]))
    this.#queues = new Map(plans.map(({ service, tasks }) => [service, new Set(tasks.map(({ commands }) => commands))]))
    const all = plans.flatMap(({ service, tasks }) => tasks.map((plan) => ({ service, plan })))
    this.#known = new Map(
      all.map(({ service, plan }) => {
        const seat = { service, stage: plan.commands, partition: 0 }
        return [plan.name, { plan, seat, plain: plan.plainInputs ? new PlainIntake(plan) : undefined }]
      }),
    )
  }

  get all(): readonly KnownTask[] {
    return [...this.#known.values()]
  }

  get plans(): readonly TaskPlan[] {
    return this.all.map(({ plan }) => plan)
  }

  /** Undefined: no service has it. */
  get(task: string): KnownTask | undefined {
    return this.#known.get(task)
  }

  hasQueueAt(service: string, stage: string): boolean {
    return this.#queues.get(service)?.has(stage) === true
  }

  /** @throws MR1022 with near names */
  find(task: string): KnownTask {
    const known = this.#known.get(task)
    if (known !== undefined) return known
    const names = nearNames(task.slice(0, limits.nameLengthMax), [...this.#known.keys()]).slice(0, 20)
    const listed = names.length === 0 ? "this node has none" : `there are, nearest first: ${names.join(", ")}`
    throw new MillraceError("MR1022", `There is no task "${task}"; ${listed}.`, { task, tasks: names })
  }

  /** @throws MR1024 for what is no id, and for a run of a task that no service has any more */
  run(id: string): NamedRun {
    const at = id.lastIndexOf("-")
    const known = this.#known.get(id.slice(0, at))
    const digits = id.slice(at + 1)
    const left = this.#left.get(id.slice(0, at))
    if (known === undefined && left !== undefined) throw leftRun(id, left)
    if (known === undefined || !/^\d{1,15}$/.test(digits)) throw noRun(id)
    return { known, number: Number(digits) }
  }
}

export function idOf(task: string, number: number): string {
  return `${task}-${number}`
}

function leftRun(id: string, { service, task }: LeftTask): MillraceError {
  const why = `No service on this node has task "${task}" any more, so run ${JSON.stringify(id)} cannot be looked at.`
  return new MillraceError("MR1024", `${why} The task's runs are kept as they are: deploy service "${service}" with it again.`, { run: id, task, service })
}

export function noRun(id: string): MillraceError {
  return new MillraceError("MR1024", `There is no run ${JSON.stringify(id)}, or it is no longer kept.`, { run: id })
}
