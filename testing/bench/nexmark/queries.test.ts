// Every query on the production engine gives what DuckDB makes of the same events.
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { after, before, describe, test } from "node:test"
import { Comparison, type History } from "./comparison.ts"
import { agrees, differenceText } from "./oracle/oracle.ts"
import { queries } from "./queries/index.ts"

// Event time goes over midnight, so that days, hours and minutes change.
const baseTime = Date.UTC(2026, 0, 1, 23, 59, 30)

/** Queries of which the oracle knows what comes too late for them. */
const judgeLateness = ["q5", "q8"]

/** Patterns are about the order of events; of one millisecond, that of different partitions is not defined. */
const isPattern = (query: string): boolean => query.startsWith("cep")

const histories: Readonly<Record<string, History>> = {
  "in order": { emission: { seed: 1, events: 6_000, rate: 100, baseTime }, partitions: 1, outOfOrderMs: 4_000 },
  "out of order": {
    emission: { seed: 2, events: 6_000, rate: 100, baseTime, outOfOrderGroup: 300 },
    partitions: 3,
    outOfOrderMs: 4_000,
    seed: 2,
  },
  "with stragglers, duplicates and crashes": {
    emission: {
      seed: 3,
      events: 6_000,
      rate: 100,
      baseTime,
      outOfOrderGroup: 50,
      stragglers: { share: 0.02, by: 700 },
      duplicates: { share: 0.03, by: 100 },
    },
    partitions: 4,
    outOfOrderMs: 9_000,
    seed: 3,
    crashEvery: 5,
  },
  "with many events of one millisecond": {
    emission: { seed: 4, events: 8_000, rate: 20_000, baseTime, hotAuctions: 10, hotBidders: 10 },
    partitions: 2,
    outOfOrderMs: 4_000,
    seed: 4,
  },
  "with many events of one millisecond in one partition": {
    emission: { seed: 6, events: 1_000, rate: 5_000, baseTime, hotAuctions: 10, hotBidders: 10 },
    partitions: 1,
    outOfOrderMs: 4_000,
    patterns: true,
    seed: 6,
  },
  // One partition: then the watermark is the same for all, and what is late does not depend on who works first.
  "with late events": {
    emission: {
      seed: 5,
      events: 6_000,
      rate: 100,
      baseTime,
      outOfOrderGroup: 600,
      stragglers: { share: 0.05, by: 1_500 },
    },
    partitions: 1,
    outOfOrderMs: 1_000,
    late: true,
    seed: 5,
  },
}

for (const [title, history] of Object.entries(histories)) {
  describe(title, () => {
    let comparison: Comparison
    let directory = ""
    before(async () => {
      directory = fs.mkdtempSync(path.join(os.tmpdir(), "nexmark-queries-"))
      comparison = await Comparison.open(history, directory)
    })
    after(() => {
      comparison.close()
      fs.rmSync(directory, { recursive: true, force: true })
    })
    const all = Object.keys(queries)
    const ties = history.partitions > 1 && title.includes("one millisecond")
    const judged =
      history.late === true ? judgeLateness : history.patterns === true ? all.filter(isPattern) : all.filter((query) => !ties || !isPattern(query))
    for (const query of judged) {
      test(`${query} ${title}`, async () => {
        const difference = await comparison.differenceOf(query)
        assert.ok(agrees(difference), differenceText(difference))
        assert.ok(difference.expected > 0, `${query}: the oracle expects nothing, so nothing is shown`)
      })
    }
  })
}
