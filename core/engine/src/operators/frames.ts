/**
 * Where windows begin and end whose bounds do not depend on the records. A window is known by a number: its start; of those that begin
 * together, another time.
 */
export interface Frames {
  /** Start of the newest window that holds a time, in ms. */
  newest(time: number): number
  /** Start of the oldest one that holds it; from there on, every `stepMs` another starts, up to the newest. */
  oldest(time: number): number
  /** Infinity where windows do not overlap. */
  readonly stepMs: number
  /** First instant of a window, by its number. */
  start(id: number): number
  /** First instant after the window, by its number. */
  end(id: number): number
}
