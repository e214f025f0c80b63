/** An earthquake, as the producer sends it. */
export interface Quake {
  readonly id: string
  /** When it was, in ms since 1970. */
  readonly time: number
  readonly magnitude: number | null
  readonly place: string
}
