import assert from "node:assert/strict"
import { test } from "node:test"
import { Progress } from "./progress.ts"
import type { Terminal } from "./terminal.ts"

/** A terminal whose clock the test moves. */
function terminalAt(clock: { now: number }, interactive: boolean): Terminal & { readonly written: string[] } {
  const written: string[] = []
  return {
    written,
    stdin: (async function* () {})(),
    out: () => assert.fail("progress is no result"),
    err: (text) => void written.push(text),
    drained: () => Promise.resolve(),
    interactive,
    columns: 60,
    env: {},
    now: () => clock.now,
    stopped: new AbortController().signal,
    onHangup: () => undefined,
    exitCode: 0,
  }
}

test("on a terminal the line is drawn over itself, never wider than the terminal, and taken away in the end", () => {
  const clock = { now: 0 }
  const terminal = terminalAt(clock, true)
  const progress = new Progress(terminal, "to flights", "records", 4_000_000)
  progress.update(1)
  assert.deepEqual(terminal.written, [], "not before there is something to see")
  clock.now = 1_000
  progress.update(1_000_000)
  const [line = ""] = terminal.written
  assert.match(line, /^\rto flights {2}█{7}░{21} {2}25% {2}1,000,/)
  assert.ok(line.replace("\r", "").replace("\u001b[K", "").length < 60)
  progress.clear()
  assert.equal(terminal.written[1], "\r\u001b[K")
})

test("elsewhere progress is a plain line every few seconds", () => {
  const clock = { now: 0 }
  const terminal = terminalAt(clock, false)
  const progress = new Progress(terminal, "to flights", "records")
  for (clock.now = 500; clock.now <= 10_000; clock.now += 500) progress.update(clock.now * 10)
  progress.clear()
  assert.deepEqual(terminal.written, ["to flights  50,000 records  10,000/s\n", "to flights  100,000 records  10,000/s\n"])
})
