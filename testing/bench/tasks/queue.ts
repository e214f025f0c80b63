/** A system that runs tasks, as the workloads see it: Millrace, or one of its rivals. */

/** Memory only; buffered; acknowledged after a sync. What each means for whom is said beside the figures. */
export type Mode = "M" | "B" | "D"

export interface Queue {
  /** Enqueues one run and waits until that is acknowledged. */
  enqueue(task: string, input: object): Promise<void>
  /** Enqueues many at once. */
  enqueueAll(task: string, inputs: readonly object[]): Promise<void>
  /** Starts nothing from here on, or again. */
  pause(task: string): Promise<void>
  resume(task: string): Promise<void>
  /** Runs that have succeeded since the start. */
  succeeded(task: string): Promise<number>
  /** Enqueues a run and waits for its output. */
  call(task: string, input: object): Promise<unknown>
  /** How long the runs of `probe` have waited to start, in ms. */
  waits(): Promise<readonly number[]>
  close(): Promise<void>
}

export interface System {
  readonly name: string
  /** What a mode loses, and when. */
  readonly modes: Readonly<Partial<Record<Mode, string>>>
  /** @throws with the reason when it cannot be had on this machine */
  open(mode: Mode): Promise<Queue>
}

/** Concurrency of the tasks that every system has. */
export const concurrencies: Readonly<Record<string, number>> = { drain1: 1, drain24: 24, drain100: 100, probe: 100 }
