/** Which orders a function cannot take: one of sixteen, each time at another place, so bisecting goes left and right. */
export function isPoison(n: number): boolean {
  const round = Math.floor(n / 16)
  return n % 16 === (5 + 7 * round) % 16
}
