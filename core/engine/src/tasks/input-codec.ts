/** State that is the JSON of an input. */
import type { StateCodec } from "../state.ts"

export const inputCodec: StateCodec<string> = {
  write: (to, json) => to.text32(json),
  read: (from) => from.text32(),
  copy: (json) => json,
}
