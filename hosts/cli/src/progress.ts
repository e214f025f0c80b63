/**
 * Progress of long work on stderr: a line drawn over itself on a terminal, otherwise a plain line every few seconds, so
 * that a log stays readable.
 */
import type { Terminal } from "./terminal.ts"

const drawEveryMs = 100
const printEveryMs = 5_000
const barWidth = 28

export class Progress {
  readonly #terminal: Terminal
  readonly #label: string
  readonly #unit: string
  readonly #total: number | undefined
  readonly #started: number
  #shownAt: number
  #drawn = false

  /** @param total - how much there is to do, when that is known */
  constructor(terminal: Terminal, label: string, unit: string, total?: number) {
    this.#terminal = terminal
    this.#label = label
    this.#unit = unit
    this.#total = total
    this.#started = terminal.now()
    this.#shownAt = this.#started
  }

  /** So much is done; shown when it is time to. */
  update(done: number, note = ""): void {
    const now = this.#terminal.now()
    if (now - this.#shownAt < (this.#terminal.interactive ? drawEveryMs : printEveryMs)) return
    this.#shownAt = now
    this.#show(done, note, now)
  }

  /** Takes the drawn line away, so that other text can follow. */
  clear(): void {
    if (this.#drawn) this.#terminal.err("\r\u001b[K")
    this.#drawn = false
  }

  #show(done: number, note: string, now: number): void {
    const rate = Math.round((done / Math.max(1, now - this.#started)) * 1000)
    const parts = [this.#label]
    if (this.#total !== undefined && this.#total > 0) {
      const share = Math.min(1, done / this.#total)
      if (this.#terminal.interactive) parts.push(bar(share))
      parts.push(`${Math.floor(share * 100)}%`)
    }
    parts.push(`${grouped(done)} ${this.#unit}`, `${grouped(rate)}/s`)
    if (note !== "") parts.push(note)
    const line = parts.join("  ")
    if (this.#terminal.interactive) {
      this.#terminal.err(`\r${line.slice(0, this.#terminal.columns - 1)}\u001b[K`)
      this.#drawn = true
    } else this.#terminal.err(`${line}\n`)
  }
}

/** A whole number with commas: 3,000,000. */
export function grouped(value: number): string {
  return value.toLocaleString("en-US")
}

function bar(share: number): string {
  const full = Math.round(share * barWidth)
  return `${"█".repeat(full)}${"░".repeat(barWidth - full)}`
}
