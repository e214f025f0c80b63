/** State that is a time, in ms. */
import type { StateCodec } from "../state.ts"

export const timeCodec: StateCodec<number> = {
  write: (to, time) => to.f64(time),
  read: (from) => from.f64(),
  copy: (time) => time,
}
