/** Lengths of windows in types: what the compiler can tell of a literal. Others are checked when the window is defined. */
import type { Duration } from "@millrace/model"

/** Durations of nothing. */
export type NoTime = 0 | "0ms" | "0s" | "0m" | "0h" | "0d"

/** What the compiler says of a length that none can be. */
export type NoLength = "a window is longer than nothing: give it a length such as \"5m\""

/** The duration `D` as the length of a window; of one that begins with "-", or is none at all, the type is a text that says so. */
export type Length<D> = [D] extends [never] ? Duration : [D] extends [NoTime] ? NoLength : D extends string | number ? (`${D}` extends `-${string}` ? NoLength : D) : D
