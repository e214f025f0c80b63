/**
 * What runs tell while they run (`ctx.progress`, `ctx.stream`), kept for a while, so that whoever begins to follow a run a moment after its
 * enqueue, or comes back after a broken connection, hears what it has told before. Not durable: a node that starts again has forgotten it.
 *
 * T1  Events of a run are numbered from 1 without a gap, and kept in that order. What is behind a place is told whole, or how much is missing.
 * T2  Of a run, the newest `limits.toldRunBytesMax` are kept; of all runs, `limits.toldBytesMax`: runs that have ended are forgotten first.
 */
import { limits } from "@millrace/model"

/** What a run's code tells, or that an attempt begins behind what it has told. */
export type ToldEvent = { readonly kind: "progress" | "chunk"; readonly json: string } | { readonly kind: "attempt"; readonly attempt: number }

export interface ToldPiece {
  readonly event: ToldEvent
  /** Where it is among what its run has told: to be given to `since`. */
  readonly place: string
}

interface Story {
  /** Tells a run's story from that of the same run made again. */
  readonly name: string
  /** Number of the first event that is kept. */
  first: number
  events: ToldEvent[]
  bytes: number
}

export interface ToldBounds {
  readonly toldRunBytesMax: number
  readonly toldBytesMax: number
}

/** What a story takes besides its events, and an event besides its text, in bytes: about. */
const storyBytes = 512
const eventBytes = 128

export class Told {
  /** Of this start of the node: places of an earlier one say nothing. */
  readonly #epoch: string
  readonly #bounds: ToldBounds
  /** Of runs that have not ended, by id; those that told first come first. */
  readonly #open: Map<string, Story> = new Map()
  /** Of runs that have; those that ended first come first. */
  readonly #ended: Map<string, Story> = new Map()
  #stories = 0
  #bytes = 0

  constructor(now: number, bounds: ToldBounds = limits) {
    this.#epoch = Math.floor(now).toString(36)
    this.#bounds = bounds
  }

  /** No run has told anything that is kept. */
  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#ended.size === 0
  }

  /** A run's code has told something in an attempt. Returns its place. */
  tell(run: string, attempt: number, event: ToldEvent): string {
    let story = this.#open.get(run)
    if (story === undefined) {
      story = { name: `${this.#epoch}.${++this.#stories}`, first: 1, events: [], bytes: 0 }
      this.#open.set(run, story)
      this.#count(story, storyBytes)
      this.#add(story, { kind: "attempt", attempt })
    }
    const place = this.#add(story, event)
    this.#makeRoom(story)
    return place
  }

  /** An attempt of a run begins. Returns its place; undefined: the run has told nothing yet. */
  begin(run: string, attempt: number): string | undefined {
    // Made again from its beginning: what was told is not of this.
    if (attempt === 1) this.#forget(run)
    const story = this.#open.get(run)
    return story === undefined ? undefined : this.#add(story, { kind: "attempt", attempt })
  }

  end(run: string): void {
    const story = this.#open.get(run)
    if (story === undefined) return
    this.#open.delete(run)
    this.#ended.set(run, story)
  }

  /** What a run has told behind a place ("": all), and how many events of that are not kept any more. */
  since(run: string, place: string): { readonly missed: number; readonly pieces: readonly ToldPiece[] } {
    const story = this.#open.get(run) ?? this.#ended.get(run)
    if (story === undefined) return { missed: 0, pieces: [] }
    const { name, first, events } = story
    const number = place.startsWith(`${name}.`) ? place.slice(name.length + 1) : ""
    const known = /^\d{1,15}$/.test(number) ? Number(number) : 0
    const skip = Math.max(0, known + 1 - first)
    const pieces = events.slice(skip).map((event, i) => ({ event, place: `${name}.${first + skip + i}` }))
    return { missed: Math.max(0, first - known - 1), pieces }
  }

  /** What a run's code has told last of how far it is, as JSON; undefined: nothing that is kept. */
  progress(run: string): string | undefined {
    const event = (this.#open.get(run) ?? this.#ended.get(run))?.events.findLast(({ kind }) => kind === "progress")
    return event?.kind === "progress" ? event.json : undefined
  }

  #add(story: Story, event: ToldEvent): string {
    story.events.push(event)
    this.#count(story, bytesOf(event))
    return `${story.name}.${story.first + story.events.length - 1}`
  }

  /** T2 */
  #makeRoom(story: Story): void {
    const { toldRunBytesMax, toldBytesMax } = this.#bounds
    if (story.bytes > toldRunBytesMax) this.#shorten(story, toldRunBytesMax)
    for (const stories of [this.#ended, this.#open]) {
      for (const run of stories.keys()) {
        if (this.#bytes <= toldBytesMax) return
        this.#forget(run)
      }
    }
  }

  /** The numbers of what is left stay. */
  #shorten(story: Story, most: number): void {
    // A good part at once, so that a story at its bound is not moved for each event.
    const target = (most * 3) / 4
    let gone = 0
    for (; gone < story.events.length - 1 && story.bytes > target; gone++) this.#count(story, -bytesOf(story.events[gone] as ToldEvent))
    story.events = story.events.slice(gone)
    story.first += gone
  }

  #forget(run: string): void {
    for (const stories of [this.#open, this.#ended]) {
      const story = stories.get(run)
      if (story === undefined) continue
      stories.delete(run)
      this.#bytes -= story.bytes
    }
  }

  #count(story: Story, bytes: number): void {
    story.bytes += bytes
    this.#bytes += bytes
  }
}

/** A text takes at most two bytes a character. */
function bytesOf(event: ToldEvent): number {
  return event.kind === "attempt" ? eventBytes : eventBytes + 2 * event.json.length
}
