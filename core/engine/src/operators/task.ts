/** A task in its stage: takes commands as records, publishes outputs, and has its calls made elsewhere. See tasks/queue.ts. */
import { MillraceError, type OperatorPlan, writeValue } from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import type { Outcome } from "../tasks/effects.ts"
import { TaskQueue } from "../tasks/queue.ts"
import type { Run } from "../tasks/run.ts"
import { shownOf, storedValue } from "../tasks/stored-value.ts"
import { type TaskQuestion, answerOf } from "../tasks/search.ts"
import type { TaskCommand } from "../tasks/task-command.ts"
import type { View } from "../view.ts"
import type { Target } from "./to-stream.ts"

type Plan = Extract<OperatorPlan, { kind: "task" }>

export class TaskOperator implements TimedOperator, View {
  readonly #queue: TaskQueue
  readonly #context: StageContext
  readonly #answer: (question: TaskQuestion) => unknown
  readonly due: number = Number.POSITIVE_INFINITY

  constructor({ task, stream }: Plan, context: StageContext, targetOf: (stream: string, upstreamBase: number) => Target) {
    const plan = context.plan.tasks.find(({ name }) => name === task)
    if (plan === undefined) throw new Error(`plan of ${context.plan.service}: task ${task} is missing`)
    this.#context = context
    const outputs = targetOf(stream, 0)
    const commands = targetOf(plan.commands, 0)
    this.#queue = new TaskQueue(plan, `${context.plan.service}/${task}`, context, {
      publish: (number, run) => this.#publish(outputs, `${task}-${number}`, number, run),
      command: (command) => this.#tellItself(commands, command),
    })
    this.#answer = (question) => answerOf(this.#queue, plan, question)
  }

  push: Push = (command, _key, time) => this.#queue.take(command as TaskCommand, this.#context.offset(), time)

  complete = (outcomes: readonly unknown[]): void => this.#queue.complete(outcomes as readonly Outcome[])

  answer(question: unknown): unknown {
    return this.#answer(question as TaskQuestion)
  }

  get dueByClock(): number {
    return this.#queue.due
  }

  tick(now: number): void {
    this.#queue.tick(now)
  }

  advance(): void {}

  end(): void {}

  reload(): void {
    this.#queue.reload()
  }

  #publish(target: Target, id: string, number: number, { key, output, traceparent, tracestate }: Run): void {
    if (output === undefined) throw new MillraceError("MR1206", `run ${id}: there is no output to publish.`)
    const stored = storedValue(output)
    // The same partition whenever it is published, also after a crash.
    const block = key === "" ? target.blockOf(number % target.stream.partitions) : target.blockFor(key)
    const from = block.length
    block.beginRecord(key, this.#context.now, JSON.stringify({ run: id, traceparent, tracestate })).utf8(stored === undefined ? output : shownOf(stored))
    block.endRecord(from)
    this.#context.outputs.grew(block.length - from)
  }

  #tellItself(target: Target, command: TaskCommand): void {
    const block = target.blockFor("")
    const from = block.length
    writeValue(block.beginRecord("", this.#context.now), command)
    block.endRecord(from)
    this.#context.outputs.grew(block.length - from)
  }
}
