/**
 * Objects of options that a caller may write: a name that means nothing is refused where it is written, and the nearest that there is named. Type
 * checkers do so too, but not everybody asks one.
 *
 * Not for: what the options hold; whoever takes them knows.
 */
import { MillraceError } from "./errors.ts"
import { limits } from "./limits.ts"
import { nearNames } from "./near-names.ts"

/**
 * @param what - whose options they are, as the error begins: `startNode`
 * @param example - what could be given instead of what is no object
 * @throws MR1101 for what is no object, and for a name that means nothing, with those that do, nearest first
 */
export function assertOptionNames(options: unknown, known: readonly string[], what: string, example?: string): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const such = example === undefined ? `of ${known.join(", ")}` : `such as ${example}`
    throw new MillraceError("MR1101", `${what}: expected an object ${such}.`, { given: options })
  }
  for (const name in options) {
    if (known.includes(name)) continue
    const names = nearNames(name.slice(0, limits.nameLengthMax), known)
    throw new MillraceError("MR1101", `${what}: there is no option ${JSON.stringify(name)}; there are, nearest first: ${names.join(", ")}.`, { given: name, known: names })
  }
}
