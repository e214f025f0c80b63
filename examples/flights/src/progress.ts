/** Says how far the replay is: a line drawn over itself on a terminal, else a plain line every few seconds. */
export function progressOn(
  out: NodeJS.WriteStream,
  total: number,
  now: () => number,
): (done: number, note: string) => void {
  const interactive = out.isTTY && process.env["TERM"] !== "dumb"
  const everyMs = interactive ? 100 : 5_000
  const started = now()
  let shownAt = started
  return (done, note) => {
    const at = now()
    const finished = done >= total
    if (at - shownAt < everyMs && !(interactive && finished)) return
    shownAt = at
    const rate = Math.round((done / Math.max(1, at - started)) * 1000)
    const percent = `${Math.floor((done / Math.max(1, total)) * 100)}%`.padStart(4)
    const figures = `${percent}  ${count(done)} flights  ${count(rate)}/s${note}`
    if (interactive) out.write(`\r${bar(done / Math.max(1, total))} ${figures}\u001b[K${finished ? "\n" : ""}`)
    else out.write(`${figures.trimStart()}\n`)
  }
}

/** A whole number with commas. */
export function count(value: number): string {
  return value.toLocaleString("en-US")
}

function bar(share: number): string {
  const full = Math.round(share * 28)
  return "█".repeat(full) + "░".repeat(28 - full)
}
