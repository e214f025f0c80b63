/**
 * What a command may reach of the world around the process: its three streams, environment, clock, network and the
 * wish to stop. A parameter everywhere, so that a test can own it.
 */
export interface Terminal {
  readonly stdin: AsyncIterable<Uint8Array>
  /** Results, and nothing else. */
  readonly out: (text: string) => void
  /** Progress, findings on the way, errors. */
  readonly err: (text: string) => void
  /** Resolves once stdout has taken what was written: what prevents a fast source from filling memory. */
  readonly drained: () => Promise<void>
  /** Whether stderr is a terminal on which a line may be drawn over. */
  readonly interactive: boolean
  /** Columns of that terminal. */
  readonly columns: number
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Aborted by SIGINT, SIGTERM, or a closed stdout. */
  readonly stopped: AbortSignal
  /** Calls this at each SIGHUP from now on, which would end the process otherwise. */
  readonly onHangup: (act: () => void) => void
  /** What the process exits with: 0 done, 1 failed, 2 used wrongly. */
  exitCode: number
}

/** Resolves once the process is told to stop. */
export function stopped({ stopped: signal }: Terminal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener("abort", () => resolve(), { once: true })
  })
}
