/** Names in the order of how near they are to one that does not exist: by the pairs of letters that they share. */
export function nearNames(name: string, names: readonly string[]): readonly string[] {
  const wanted = pairsOf(name)
  const nearness = new Map(names.map((each) => [each, shared(wanted, pairsOf(each))]))
  return names.toSorted((a, b) => (nearness.get(b) ?? 0) - (nearness.get(a) ?? 0) || (a < b ? -1 : 1))
}

/** Twice the pairs in common, over all pairs: 1 for the same names, 0 for those that share none. */
function shared(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  let common = 0
  for (const pair of one) if (other.has(pair)) common++
  return (2 * common) / (one.size + other.size)
}

/** The beginning and the end count as letters, so that short names have pairs, too. */
function pairsOf(name: string): ReadonlySet<string> {
  const letters = `^${name.toLowerCase()}$`
  return new Set(Array.from({ length: letters.length - 1 }, (_, i) => letters.slice(i, i + 2)))
}
