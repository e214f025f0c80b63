import assert from "node:assert/strict"
import { test } from "node:test"
import { openLog } from "./log.ts"
import { prose } from "./log-prose.ts"

const noon = new Date(2026, 10, 21, 12, 30, 5).getTime()

test("a line of the log reads as a sentence with its facts", () => {
  const line = JSON.stringify({ level: 40, time: noon, stream: "payments", records: 3, details: {}, msg: "records became dead letters" })
  assert.equal(prose(line), "12:30:05 warn  records became dead letters (stream payments, records 3)\n")
  assert.equal(prose(JSON.stringify({ level: 50, time: noon, msg: "alone" })), "12:30:05 error alone\n")
  assert.equal(prose("not JSON\n"), "not JSON\n")
})

test("the log is prose on a terminal and JSON elsewhere", () => {
  for (const [prosaic, begins] of [[true, /^\d\d:\d\d:\d\d error bad \(code MR1404\)\n$/], [false, /^\{"level":50,.*"code":"MR1404","msg":"bad"\}\n$/]] as const) {
    const written: string[] = []
    openLog("warn", { prosaic, write: (line) => written.push(line) }).error({ code: "MR1404" }, "bad")
    assert.equal(written.length, 1)
    assert.match(written[0] ?? "", begins)
  }
})
