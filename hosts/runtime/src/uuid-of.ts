/** Ids that are made of what they name. */
import { md5 } from "@millrace/model"

/** A UUID that is the same for the same text. */
export function uuidOf(text: string): string {
  const hex = Array.from(md5(text), (word) => (word >>> 0).toString(16).padStart(8, "0")).join("")
  const variant = ((Number.parseInt(hex[16] ?? "0", 16) & 3) | 8).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-3${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}
