/**
 * A large value of a task: it lies in the object store, and what is kept of it is this reference, wherever else its JSON would be. No JSON
 * begins like it, so that the two cannot be mistaken for each other.
 *
 * V1  A reference is written only once the object is durable, and its object goes only when no run has it any more.
 * V2  Each put has a name of its own, made of what it holds: no run's end takes the value of another.
 */
import { MillraceError } from "@millrace/model"

export interface StoredValue {
  /** Of the object: `task/sha256-nonce.json`. */
  readonly name: string
  readonly bytes: number
}

const mark = "@"

export function textOf({ name, bytes }: StoredValue): string {
  return `${mark}${bytes} ${name}`
}

/** Whether a text is a reference instead of JSON. */
export function isStored(text: string): boolean {
  return text.startsWith(mark)
}

/** Undefined: it is JSON. */
export function storedValue(text: string): StoredValue | undefined {
  if (!isStored(text)) return undefined
  const at = text.indexOf(" ")
  return { name: text.slice(at + 1), bytes: Number(text.slice(mark.length, at)) }
}

/** What is shown of a large value where the value itself is not: in lists of runs, in streams of outputs. */
export function shownOf({ name, bytes }: StoredValue): string {
  return JSON.stringify({ $stored: { name, bytes } })
}

/** Where large values lie: put whole or not at all, durable when it resolves. */
export interface ValueStore {
  /** @throws MR1501 when the place refuses; a retry may help */
  put(task: string, json: string): Promise<string>
  /** The JSON of a reference. @throws MR1503 when it is gone, or is not what was put */
  get(text: string): Promise<string>
}

export function lostValue(name: string, why: string): MillraceError {
  return new MillraceError("MR1503", `The value ${name} of a run cannot be had from the object store: ${why}.`, { name })
}
