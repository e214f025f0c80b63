/** State that is a text: how far an operator has come. */
import { readValue, writeValue } from "@millrace/model"
import type { StateCodec } from "../state.ts"

export const textCodec: StateCodec<string> = {
  write: (to, text) => writeValue(to, text),
  read: (from) => readValue(from) as string,
  copy: (text) => text,
}
