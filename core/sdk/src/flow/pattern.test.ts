import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { type Flow, type PatternStart, stream } from "../index.ts"

interface Login {
  readonly user: string
  readonly ok: boolean
  readonly from: string
}

const logins = stream<Login>("logins", { key: (login) => login.user })

function is<T>(thing: T): T {
  return thing
}

test("a condition knows the stages before its own, and a match has one field for each", () => {
  const found = logins.match("break-in", (pattern) =>
    pattern
      .begin("failed", (login) => !login.ok)
      .timesOrMore(3)
      .followedBy("in", (login, match, taken) => {
        is<readonly Login[]>(match.failed)
        is<readonly Login[]>(taken)
        // @ts-expect-error -- this stage is not in the match yet
        assert.ok(match.in)
        return login.ok
      })
      .notNext("logout", (_, match) => is<Login>(match.in).ok)
      .followedBy("then", () => true)
      .followedBy("more", () => true)
      .optional()
      .within("5m")
      .skip({ toLast: "in" }),
  )
  is<Flow<{ readonly failed: readonly Login[]; readonly in: Login; readonly then: Login; readonly more: Login | undefined }, "keyed">>(found)
  is<Flow<{ readonly failed?: readonly Login[]; readonly in?: Login; readonly then?: Login; readonly more?: Login | undefined }, "keyed">>(found.timedOut)
  is<Flow<Login, "keyed">>(found.late)
  // @ts-expect-error -- there is no such stage to skip to
  assert.throws(() => logins.match("m", (p) => p.begin("a").skip({ toFirst: "b" })))
})

test("a pattern that cannot be meant is refused with its name and the mend", () => {
  const no = (): boolean => false
  const refusals: [RegExp, (start: PatternStart<Login>) => unknown][] = [
    [/^match "m": every stage is optional, so the pattern could match nothing\. Make one required\.$/, (p) => p.begin("a").optional().next("b", no).optional()],
    [/^match "m": the last stage, "a", is greedy and would never be complete/, (p) => p.begin("a").oneOrMore().greedy()],
    [/^match "m": it ends in notFollowedBy \("no"\), which only time can prove\. Give the pattern a \.within/, (p) => p.begin("a").notFollowedBy("no", no)],
    [/^match "m": "b" and "c", which must not come, follow each other/, (p) => p.begin("a").notNext("b", no).notNext("c", no)],
    [/^match "m": nothing can come between "a" and "c", which is the next record/, (p) => p.begin("a").notFollowedBy("b", no).next("c", no)],
    [/^match "m": what comes before "b", which must not come, is optional/, (p) => p.begin("z").next("a", no).optional().notNext("b", no).next("c", no)],
    [/^match "m": two stages are named "a"/, (p) => p.begin("a").next("a", no)],
    [/^match "m", within: 0 must be at least 1 ms\.$/, (p) => p.begin("a").within(0)],
    [/^match "m", stage "a", greedy: the stage takes one record/, (p) => p.begin("a").greedy()],
    [/^match "m", stage "b", oneOrMore: a stage that must not come takes nothing\.$/, (p) => p.begin("a").notNext("b", no).oneOrMore()],
    [/^match "m", stage "a", times, most: 1 is not a whole number from 2/, (p) => p.begin("a").times(1)],
    [/^match "m", stage "a", until: the stage takes a fixed number/, (p) => p.begin("a").times(2).until(no)],
    [/^match "m", skip: "never" is none of/, (p) => p.begin("a").skip("never" as never)],
    [/^match "m": the function must return a pattern/, () => undefined],
  ]
  for (const [says, define] of refusals) {
    assert.throws(
      () => logins.match("m", define as never),
      (error: unknown) => isMillraceError(error) && error.code === "MR1101" && says.test(error.message),
      String(says),
    )
  }
})
