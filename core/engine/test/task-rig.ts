/** One task on the rig: what is told to it, which calls it wants made, what it keeps and publishes. */
import assert from "node:assert/strict"
import { writeValue } from "@millrace/model"
import { service, type Task } from "@millrace/sdk"
import type { AbortCall, CallTask, EnqueueFacts, Outcome, RunEnded, RunPage, RunPlaced, RunsTallied, RunStatus, RunView, TaskCommand, TaskEffect, TaskStand, Transaction } from "../src/index.ts"
import { Rig, type Seat } from "./rig.ts"

type OutcomeGiven = Outcome extends infer Each ? (Each extends unknown ? Omit<Each, "number" | "lease"> : never) : never

export class TaskRig {
  readonly rig: Rig
  readonly task: string
  /** Calls that are under way, by lease. */
  readonly calls = new Map<number, CallTask>()
  readonly ended: RunEnded[] = []
  readonly placed: RunPlaced[] = []
  readonly aborted: AbortCall[] = []
  readonly tallied: RunsTallied[] = []
  /** Large values that nobody has any more. */
  readonly forgotten: string[] = []
  /** Bytes of changes of the state so far. */
  stateBytes = 0
  #next = 0

  private constructor(rig: Rig, task: string) {
    this.rig = rig
    this.task = task
  }

  static async open(task: Task<never, unknown>, now = 0): Promise<TaskRig> {
    return new TaskRig(await Rig.open(service("tasks", [task]), now), task.name)
  }

  get seat(): Seat {
    return this.rig.seat(`tasks/${this.task}.commands`)
  }

  get now(): number {
    return this.rig.now
  }

  /** Tells the task something and lets it hear it; returns the command's number. */
  async tell(command: TaskCommand): Promise<number> {
    const number = this.note(command)
    await this.hear()
    return number
  }

  /** Tells the task something that it has not heard yet. */
  note(command: TaskCommand): number {
    this.rig.append(this.seat.stage, 0, (block) => {
      const from = block.length
      writeValue(block.beginRecord("", this.now), command)
      block.endRecord(from)
    })
    return this.#next++
  }

  enqueue(input: unknown, facts: EnqueueFacts = {}): Promise<number> {
    return this.tell(["enqueue", JSON.stringify(input), facts])
  }

  async hear(cut?: readonly number[]): Promise<void> {
    while (this.rig.behind(this.seat)) this.#take(await this.rig.take(this.seat, cut))
    this.#next = this.rig.store.extent(this.seat.stage, 0).next
  }

  /** Lets the clock pass, stopping wherever something is due. */
  async pass(ms: number): Promise<void> {
    const until = this.rig.now + ms
    for (let at = this.seat.machine.tickAt; at <= until; at = this.seat.machine.tickAt) {
      this.rig.now = Math.max(this.rig.now, at)
      const transaction = this.rig.tick(this.seat)
      if (transaction !== undefined) this.#take(transaction)
      await this.hear()
    }
    this.rig.now = until
  }

  /** The call that has a run in hand. */
  callOf(number: number): CallTask {
    const call = [...this.calls.values()].findLast(({ runs }) => runs.some((run) => run.number === number))
    assert.ok(call, `run ${number} is not under way`)
    return call
  }

  /** Numbers of the runs under way, in the order in which they were called. */
  get running(): number[] {
    return [...this.calls.values()].flatMap(({ runs }) => runs.map(({ number }) => number))
  }

  finish(number: number, outcome: OutcomeGiven): void {
    const { lease } = this.callOf(number)
    this.complete([{ ...outcome, number, lease }])
  }

  complete(outcomes: readonly Outcome[]): void {
    // Some are no ends.
    for (const { number, lease, kind } of outcomes) if (kind !== "begun" && kind !== "blocked" && kind !== "said") this.#forget(number, lease)
    this.#take(this.rig.complete(this.seat, this.task, outcomes))
  }

  /** Kills the machine and starts it again: nobody has a call in hand any more. */
  async restart(): Promise<void> {
    await this.rig.restart(this.seat)
    this.calls.clear()
    await this.pass(0)
  }

  run(number: number): RunView {
    const run = this.seat.machine.ask(this.task, { kind: "run", number }) as RunView | undefined
    assert.ok(run, `there is no run ${number}`)
    return run
  }

  knows(number: number): boolean {
    return this.seat.machine.ask(this.task, { kind: "run", number }) !== undefined
  }

  status(number: number): RunStatus {
    return this.run(number).status
  }

  page(search: object = {}): RunPage {
    return this.seat.machine.ask(this.task, { kind: "runs", search: { limit: 100, ...search } }) as RunPage
  }

  get stand(): TaskStand {
    return this.seat.machine.ask(this.task, { kind: "stand" }) as TaskStand
  }

  async outputs(): Promise<unknown[]> {
    return this.rig.values(`${this.task}.output`)
  }

  #take({ effects, state }: Transaction): void {
    this.stateBytes += state.length
    for (const effect of effects as readonly TaskEffect[]) {
      if (effect.kind === "call") this.calls.set(effect.lease, effect)
      else if (effect.kind === "abort") {
        this.calls.delete(effect.lease)
        this.aborted.push(effect)
      } else if (effect.kind === "ended") this.ended.push(effect)
      else if (effect.kind === "forget") this.forgotten.push(...effect.values)
      else if (effect.kind === "tallied") this.tallied.push(effect)
      else this.placed.push(effect)
    }
  }

  #forget(number: number, lease: number): void {
    const call = this.calls.get(lease)
    if (call === undefined) return
    const runs = call.runs.filter((run) => run.number !== number)
    if (runs.length === 0) this.calls.delete(lease)
    else this.calls.set(lease, { ...call, runs })
  }
}
