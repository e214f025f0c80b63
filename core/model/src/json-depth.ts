/**
 * How deep JSON may be nested. What parses it counts for itself and takes any depth; what writes it, and most code that walks through a
 * value, goes down with it and runs out of stack: a value that one thread could take, another could not show.
 *
 * 1. Where JSON comes in, what is deeper than `limits.jsonDepthMax` is refused; so whoever has a value can walk through it.
 */
import { MillraceError } from "./errors.ts"
import { limits } from "./limits.ts"

const quote = 34
const backslash = 92

/** Whether a text, which is JSON, is nested deeper than `limits.jsonDepthMax`. */
export function isDeepJson(text: string): boolean {
  // Each level has a character that begins it and one that ends it: most records are too short to be looked at.
  if (text.length <= 2 * limits.jsonDepthMax || !hasManyBrackets(text)) return false
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === quote) {
      for (i++; i < text.length; i++) {
        const inside = text.charCodeAt(i)
        if (inside === quote) break
        if (inside === backslash) i++
      }
      // `[` and `{`, `]` and `}`: they differ in one bit.
    } else if ((unit | 32) === 123) {
      if (++depth > limits.jsonDepthMax) return true
    } else if ((unit | 32) === 125) depth--
  }
  return false
}

/** Whether so many begin, in texts or not, that it might be too deep: looked for, not looked at one by one, as most text is between them. */
function hasManyBrackets(text: string): boolean {
  let left = limits.jsonDepthMax
  for (let at = text.indexOf("["); at >= 0; at = text.indexOf("[", at + 1)) if (left-- === 0) return true
  for (let at = text.indexOf("{"); at >= 0; at = text.indexOf("{", at + 1)) if (left-- === 0) return true
  return false
}

/** What is wrong with it, and the mend. */
export const deepJsonFault: string = `it is nested deeper than ${limits.jsonDepthMax} levels; give it flatter, or its inner part as text`

/**
 * @param what - whose JSON it is
 * @throws MR1034 when it is nested deeper than `limits.jsonDepthMax`
 */
export function checkJsonDepth(text: string, what: string): void {
  if (isDeepJson(text)) throw deepJson(what)
}

/**
 * The JSON of a value, as `JSON.stringify` gives it; undefined: it has none.
 *
 * @param what - whose value it is
 * @throws MR1034 when it is nested deeper than `limits.jsonDepthMax`, be it so deep that it cannot be written at all
 */
export function shallowJson(value: unknown, what: string): string | undefined {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (thrown) {
    // Any other is of the value's own code.
    if (thrown instanceof RangeError && thrown.message === "Maximum call stack size exceeded") throw deepJson(what)
    throw thrown
  }
  if (text !== undefined) checkJsonDepth(text, what)
  return text
}

function deepJson(what: string): MillraceError {
  return new MillraceError("MR1034", `${what}: ${deepJsonFault}.`, { most: limits.jsonDepthMax })
}
