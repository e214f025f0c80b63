/** Query strings, read strictly: a name that is not known is a mistake that must not pass as a default. */
import { MillraceError } from "@millrace/model"

/**
 * The parameters of a request by name.
 *
 * @param url - path and query as they came
 * @throws MR1009 for a name that is not among `known`, and for one that comes twice
 */
export function queryOf<Name extends string>(
  url: string,
  known: readonly Name[],
): Readonly<Record<Name, string | undefined>> {
  const values: Record<string, string | undefined> = Object.fromEntries(known.map((name) => [name, undefined]))
  const at = url.indexOf("?")
  if (at >= 0) {
    for (const [name, value] of new URLSearchParams(url.slice(at + 1))) {
      if (!Object.hasOwn(values, name)) {
        const mend = known.length === 0 ? "this address takes none" : `this address takes ${known.join(", ")}`
        throw new MillraceError("MR1009", `There is no query parameter ${JSON.stringify(name)}; ${mend}.`, {
          parameter: name,
        })
      }
      if (values[name] !== undefined)
        throw new MillraceError("MR1009", `The query parameter ${name} is given twice; give it once.`, {
          parameter: name,
        })
      values[name] = value
    }
  }
  return values as Record<Name, string | undefined>
}

/**
 * A whole number of a parameter.
 *
 * @throws MR1009 when it is none, or not from `least` to `most`
 */
export function wholeNumber(
  name: string,
  text: string | undefined,
  fallback: number,
  least: number,
  most: number,
): number {
  if (text === undefined) return fallback
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new MillraceError("MR1009", `${name}=${text} is not a whole number from ${least} to ${most}.`, {
    parameter: name,
  })
}
