/**
 * Questions to operators about what they keep. One is given to its seat's worker once that has been given all that came before
 * the question; a worker that takes the seat anew is asked again.
 */
import { MillraceError } from "@millrace/model"
import type { Feed } from "./feed.ts"
import type { ToWorker } from "./messages.ts"

interface Question {
  readonly feed: Feed
  readonly operator: string
  readonly question: unknown
  /** All entries before this one come before the question. */
  readonly next: number
  /** The opening of the seat in which it was given; -1: not yet. */
  opening: number
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

export class Questions {
  readonly #post: (worker: number, message: ToWorker) => void
  /** Those that wait for their answers. */
  readonly #open: Map<number, Question> = new Map()
  #count = 0

  constructor(post: (worker: number, message: ToWorker) => void) {
    this.#post = post
  }

  /** @param next - all entries before this one come before the question */
  put(feed: Feed, operator: string, question: unknown, next: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#open.set(++this.#count, { feed, operator, question, next, opening: -1, resolve, reject })
      this.give(feed)
    })
  }

  /** Gives a seat the questions that it can answer now. */
  give(feed: Feed): void {
    if (this.#open.size === 0 || feed.state !== "open") return
    for (const [id, question] of this.#open) {
      if (question.feed !== feed || question.opening === feed.opening || feed.next < question.next) continue
      question.opening = feed.opening
      this.#post(feed.worker, { kind: "ask", id, seat: feed.seat, operator: question.operator, question: question.question })
    }
  }

  answered(id: number, answer: unknown): void {
    this.#open.get(id)?.resolve(answer)
    this.#open.delete(id)
  }

  /** A seat cannot answer. */
  refuse(feed: Feed, error: Error): void {
    for (const [id, question] of this.#open) {
      if (question.feed !== feed) continue
      this.#open.delete(id)
      question.reject(error)
    }
  }

  stop(): void {
    for (const { reject } of this.#open.values()) reject(new MillraceError("MR1401", "The node is stopping."))
    this.#open.clear()
  }
}
