/** Takes what a function's code says on its console, line by line, up to a bound. Runs in instances: it imports little. */
import { format } from "node:util"
import type { LogLevel } from "./instance-messages.ts"

const levels: Readonly<Record<string, LogLevel>> = { trace: "TRACE", debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", fatal: "ERROR" }

export class CapturedConsole {
  readonly #tell: (level: LogLevel, text: string) => void
  readonly #lengthMax: number
  #left: number
  #dropped = 0

  constructor(tell: (level: LogLevel, text: string) => void, lengthMax: number) {
    this.#tell = tell
    this.#lengthMax = lengthMax
    this.#left = lengthMax
  }

  install(target: Console): void {
    for (const [method, level] of Object.entries(levels)) {
      Object.defineProperty(target, method, {
        value: (...parts: unknown[]) => this.say(level, format(...parts)),
        writable: true,
        configurable: true,
        enumerable: true,
      })
    }
  }

  say(level: LogLevel, text: string): void {
    const kept = text.length <= this.#left ? text : text.slice(0, this.#left)
    this.#dropped += text.length - kept.length
    this.#left -= kept.length
    if (kept !== "" || text === "") this.#tell(level, kept)
  }

  /** An invocation is over: the next may say as much again. */
  reset(): void {
    if (this.#dropped > 0) this.#tell("WARN", `${this.#dropped} more characters were logged and dropped.`)
    this.#left = this.#lengthMax
    this.#dropped = 0
  }
}
