/** A node as a process that is killed and started again, on the same directory and port. */
import { setTimeout as sleep } from "node:timers/promises"
import { Program, programs } from "./program.ts"

const recoveryMsMost = 600

/** A node on one directory and, after its first start, one port. */
export class KillableNode {
  readonly #dir: string
  readonly #service: string
  readonly #random: () => number
  readonly #log: (line: string) => void
  #program: Program | undefined
  #port = "0"

  /** @param service - path of a service's module */
  constructor(dir: string, service: string, random: () => number, log: (line: string) => void) {
    this.#dir = dir
    this.#service = service
    this.#random = random
    this.#log = log
  }

  async start(): Promise<{ readonly url: string }> {
    const ready = await this.#spawn().until("ready")
    const url = ready["url"] as string
    this.#port = new URL(url).port
    return { url }
  }

  /** Kills it after up to so many ms more. */
  async kill(when: string, msMost: number): Promise<void> {
    const ms = Math.floor(this.#random() * msMost)
    this.#log(`kill ${ms} ms after ${when}`)
    await sleep(ms)
    await this.#program?.stop("SIGKILL")
  }

  /** Starts it and kills it before it is ready, or shortly after. */
  async killInRecovery(): Promise<void> {
    const ms = Math.floor(this.#random() * recoveryMsMost)
    this.#log(`kill ${ms} ms after the start`)
    const program = this.#spawn()
    await sleep(ms)
    await program.stop("SIGKILL")
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    await this.#program?.stop("SIGTERM")
  }

  #spawn(): Program {
    const places = ["--data", `${this.#dir}/data`, "--out", `${this.#dir}/out`, "--port", this.#port]
    this.#program = new Program(programs.millrace, ["start", this.#service, ...places, "--json"])
    return this.#program
  }
}
