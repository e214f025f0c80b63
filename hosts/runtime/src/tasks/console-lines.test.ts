import assert from "node:assert/strict"
import { test } from "node:test"
import { keepConsole } from "./console-lines.ts"

test("what code says on its console is kept as a line of whoever says it, and said as before", () => {
  const said: unknown[][] = []
  const say = (...parts: unknown[]): void => void said.push(parts)
  const target = { debug: say, log: say, info: say, warn: say, error: say }
  const lines: string[] = []
  let isSomebodys = true
  keepConsole(target, () => (isSomebodys ? (line) => void lines.push(line) : undefined))
  target.log("freezing %s", "4711", { n: 1 })
  target.warn("slow")
  target.error(new RangeError("far"))
  isSomebodys = false
  target.info("starting")
  assert.deepEqual(lines.map((line) => line.split("\n")[0]), ["freezing 4711 { n: 1 }", "warn: slow", "error: RangeError: far"])
  assert.deepEqual(said.map(([first]) => String(first)), ["freezing %s", "slow", "RangeError: far", "starting"])
})
