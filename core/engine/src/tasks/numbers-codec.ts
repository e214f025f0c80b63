import { readValue, writeValue } from "@millrace/model"
import type { StateCodec } from "../state.ts"

/** A few numbers, replaced as a whole. */
export const numbersCodec: StateCodec<readonly number[]> = {
  write: (to, numbers) => writeValue(to, numbers),
  read: (from) => readValue(from) as number[],
  copy: (numbers) => numbers,
}
