/** A system that runs tasks, as the workloads see it: Millrace, or one of its rivals. */
import type { Input, TaskName } from "./work.ts"

/** Memory only; buffered; acknowledged after a sync. What each means for whom is said beside the figures. */
export type Mode = "M" | "B" | "D"

export interface Queue {
  /** Enqueues one run and waits until that is acknowledged. */
  enqueue(task: TaskName, input: Input): Promise<void>
  /** Enqueues many at once; none starts before the time `at`, in ms. */
  enqueueAll(task: TaskName, inputs: readonly Input[], at?: number): Promise<void>
  /** Starts nothing from here on, or again. */
  pause(task: TaskName): Promise<void>
  resume(task: TaskName): Promise<void>
  /** Runs that have succeeded since the start. */
  succeeded(task: TaskName): Promise<number>
  /** Enqueues a run and waits for its output. Missing: there is no way to. */
  call?(task: TaskName, input: Input): Promise<unknown>
  /** The same over HTTP. */
  callOverHttp?(task: TaskName, input: Input): Promise<unknown>
  /** How long the runs of `probe` or `late` have waited to start, in ms, in the order in which they have ended. */
  waits(task: "probe" | "late"): Promise<readonly number[]>
  /** Records that start a run each, whose outputs are a stream. Missing: there are no streams. */
  readonly feed?: Feed
  /** What the system's own process uses. Missing: it has none, or several. */
  used?(): Used
  close(): Promise<void>
}

export interface Used {
  readonly rssBytes: number
  /** Of that, what is no page of a file: the system cannot take it back. */
  readonly anonBytes: number
  /** The most that the process has ever had. */
  readonly peakBytes: number
  readonly cpuSeconds: number
}

interface Feed {
  /** Sends records with the numbers [from, to). */
  send(from: number, to: number): Promise<void>
  /** Outputs, and how long each took from the sending of its record until it could be read, in ms. */
  outputs(count: number): Promise<{ readonly seqs: readonly number[]; readonly waits: readonly number[] }>
}

export interface System {
  readonly name: string
  /** What a mode loses, and when. */
  readonly modes: Readonly<Record<Mode, string>>
  /** Workloads that it has no means for, and why. */
  readonly lacks: Readonly<Record<string, string>>
  /**
   * @param dir - where its data lies, from an earlier process too; it stays
   * @throws with the reason when it cannot be had on this machine
   */
  open(mode: Mode, dir: string): Promise<Queue>
  /** The same in a process apart from the load generator, for what is said of its memory. Missing: its server is apart anyway. */
  openApart?(mode: Mode, dir: string): Promise<Queue>
}
