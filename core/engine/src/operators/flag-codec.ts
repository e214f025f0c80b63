/** State that is only there or not. */
import type { StateCodec } from "../state.ts"

export const flagCodec: StateCodec<true> = { write: () => undefined, read: () => true, copy: () => true }
