/** Where a sink keeps its files in the state: written by `to-sink`, read by who delivers them. */

/** Bucket of the file being filled, and of the files decided but not yet delivered (removed by who delivers them). */
export const sinkBuckets = { open: 0, sealed: 1 } as const

/** The scope under which a sink keeps its files. */
export function sinkScope(service: string, sink: string): string {
  return `${service}/${sink}@files`
}

/** A decided file, kept until it is delivered. */
export interface SealedFile {
  readonly number: number
  readonly from: number
  readonly to: number
}
