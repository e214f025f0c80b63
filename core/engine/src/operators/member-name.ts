/** Names of members and values in state: the same for equal values of one type, short enough for any store. */
import { md5 } from "@millrace/model"

const lengthMost = 150

/** @param kind - tells apart what else has members under the same key */
export function memberName(kind: number, member: string | number | bigint | boolean): string {
  const text = typeof member === "string" ? `s${member}` : `${typeof member === "bigint" ? "i" : typeof member === "number" ? "n" : "b"}${member}`
  if (text.length <= lengthMost && !text.includes("\u0000")) return `${kind}${text}`
  return `${kind}#${text.length}.${[...md5(text)].map((part) => part.toString(36)).join(".")}`
}
