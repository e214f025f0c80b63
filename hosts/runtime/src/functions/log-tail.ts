/** The end of what one invocation has logged, in the form of Lambda's own log. */
import type { FunctionPlan } from "@millrace/model"
import type { LogLevel } from "./instance-messages.ts"

/** As Lambda's `LogType: Tail` has it, in bytes. */
const tailBytes = 4_096

export class LogTail {
  readonly #requestId: string
  readonly #plan: FunctionPlan
  #text: string

  constructor(requestId: string, plan: FunctionPlan) {
    this.#requestId = requestId
    this.#plan = plan
    this.#text = `START RequestId: ${requestId} Version: $LATEST\n`
  }

  line(now: number, level: LogLevel, text: string): void {
    this.#text += `${new Date(now).toISOString()}\t${this.#requestId}\t${level}\t${text}\n`
    if (this.#text.length > 4 * tailBytes) this.#text = this.#text.slice(-tailBytes)
  }

  end(ms: number): string {
    const shown = ms.toFixed(2)
    this.#text += `END RequestId: ${this.#requestId}\nREPORT RequestId: ${this.#requestId}\tDuration: ${shown} ms\tBilled Duration: ${Math.ceil(ms)} ms\tMemory Size: ${this.#plan.memoryMegabytes} MB\t\n`
    const bytes = Buffer.from(this.#text)
    return bytes.subarray(Math.max(0, bytes.length - tailBytes)).toString("utf8")
  }
}
