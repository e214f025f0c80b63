/** How a task stands as a whole: its newest lease, whether it is paused, its runs by status, when its crons are due. */
import { ByteReader, type ByteWriter, readValue, writeValue } from "@millrace/model"
import type { StateReader } from "../ports/store.ts"
import type { KeyedState, Scope, StateCodec } from "../state.ts"
import { type Run, type RunStatus, isTerminal, runStatuses } from "./run.ts"

interface Meta {
  lease: number
  paused: boolean
  /** Runs by status, in the order of `runStatuses`; the ended ones since ever. */
  counts: number[]
  /** When each cron is due next, by its expression and time zone. */
  crons: Record<string, number>
}

const metaCodec: StateCodec<Meta> = {
  write: (to: ByteWriter, { lease, paused, counts, crons }) => writeValue(to, [lease, paused, counts, crons]),
  read: (from: ByteReader) => {
    const [lease, paused, counts, crons] = readValue(from) as [number, boolean, number[], Record<string, number>]
    return { lease, paused, counts, crons }
  },
  copy: ({ lease, paused, counts, crons }) => ({ lease, paused, counts: [...counts], crons: { ...crons } }),
}

export class Standing {
  readonly #scope: Scope<Meta>

  constructor(state: KeyedState, name: string) {
    this.#scope = state.scope(name, metaCodec)
  }

  get read(): Readonly<Meta> {
    return this.#scope.get(this.#scope.bucket(0), "meta")?.value ?? noMeta()
  }

  get change(): Meta {
    return this.#scope.change(this.#scope.bucket(0), "meta", noMeta).value as Meta
  }

  /** Runs by status; the ended ones since ever. */
  get counts(): Readonly<Record<RunStatus, number>> {
    const { counts } = this.read
    return Object.fromEntries(runStatuses.map((status, i) => [status, counts[i] ?? 0])) as Record<RunStatus, number>
  }

  become(run: Run, status: RunStatus): void {
    if (run.status === status) return
    this.count(run.status, -1)
    this.count(status, 1)
    run.status = status
  }

  /** Of the ended states, the count only grows: runs that are gone are in it. */
  count(status: RunStatus, by: number): void {
    const at = runStatuses.indexOf(status)
    const { counts } = this.change
    counts[at] = Math.max(0, (counts[at] ?? 0) + by)
  }
}

/** Runs of a task that have not ended, as stored: also of one that no service has any more. */
export function storedOpenRuns(reader: StateReader, service: string, task: string): number {
  const bytes = reader.get(`${service}/${task}@meta`, 0, 0, "meta")
  if (bytes === undefined) return 0
  const { counts } = metaCodec.read(new ByteReader(bytes))
  return runStatuses.reduce((open, status, i) => (isTerminal(status) ? open : open + (counts[i] ?? 0)), 0)
}

function noMeta(): Meta {
  return { lease: 0, paused: false, counts: runStatuses.map(() => 0), crons: {} }
}
