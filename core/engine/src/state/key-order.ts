/**
 * The order of keys: that of their UTF-8 bytes, as the store has them. JavaScript orders text by UTF-16 code units, which is
 * the same unless a key holds a character from U+D800 on.
 */

/** Sorts in place. */
export function sortKeys(keys: string[]): string[] {
  return keys.some((key) => high.test(key)) ? keys.sort(compareKeys) : keys.sort()
}

const high = /[\ud800-\uffff]/

/** Below zero when `a` comes first. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const one = a.charCodeAt(i)
    const other = b.charCodeAt(i)
    if (one !== other) return rank(one) - rank(other)
  }
  return a.length - b.length
}

/** Surrogates stand for characters above all others. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
