/**
 * `npm run bench -- nexmark [QUERY…]`: for each query how many events a second pass through it on one core, out of the
 * generator and out of a file; how many a CPU second takes; the most memory; and whether DuckDB agrees with the rows of a
 * run like the one measured. Exactly-once commits are on: every transaction goes to the journal, and a run has ended
 * when the last is on the disk. Rows go to a blackhole sink.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import type { Bench, Figure } from "../src/figures.ts"
import { writeClocks } from "./clock.ts"
import { Emission, type EmissionOptions } from "./emission.ts"
import { writeNdjson } from "./ndjson.ts"
import { agrees, differenceText, NexmarkOracle } from "./oracle/oracle.ts"
import { queries } from "./queries/index.ts"
import { perBatch, rowsIn, runQuery, type RunReport } from "./run-query.ts"

/** Event time passes at 100,000 events a second: a window of 10 s holds a million of them, and several close in a run. */
const rate = 100_000
const events = Number(process.env["NEXMARK_EVENTS"] ?? 5_000_000)
const judged = Math.min(events, Number(process.env["NEXMARK_JUDGED"] ?? 2_000_000))

/** Events a second and core of Flink 2.0 as published, times two. */
const aims: Readonly<Record<string, number>> = {
  q0: 758_000,
  q3: 438_000,
  q4: 56_000,
  q5: 150_000,
  q7: 46_000,
  q8: 324_000,
  q9: 28_000,
  q11: 92_000,
  q16: 90_000,
  q17: 322_000,
  q18: 130_000,
  q19: 86_000,
  q20: 36_000,
}

export const nexmarkBench: Bench = {
  name: "nexmark",
  about: `Nexmark on one thread with the journal: ${events} events at ${rate}/s of event time; ${judged} of them judged`,
  async run(say, only) {
    const names = Object.keys(queries).filter((name) => only.length === 0 || only.includes(name))
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "nexmark-bench-"))
    try {
      const measuredFile = path.join(dir, "measured.ndjson")
      writeNdjson(measuredFile, new Emission({ events, rate }))
      const judge = await judgeOf(dir, { events: judged, rate })
      const figures: Figure[] = []
      for (const name of names) {
        const oracle = await judge.verdict(name, say)
        const generated = await runQuery({ query: name, emission: { events, rate } })
        const read = await runQuery({ query: name, emission: { events, rate }, from: measuredFile })
        figures.push(...figuresOf(name, generated, read, oracle))
        say(`${name}: ${line(generated)}; from NDJSON ${line(read)}; oracle ${oracle}`)
      }
      judge.close()
      return figures
    } finally {
      fs.rmSync(dir, { recursive: true, force: true })
    }
  },
}

interface Judge {
  verdict(query: string, say: (line: string) => void): Promise<"agrees" | "differs">
  close(): void
}

async function judgeOf(dir: string, emission: EmissionOptions): Promise<Judge> {
  const file = path.join(dir, "judged.ndjson")
  writeNdjson(file, new Emission(emission))
  const clocks = path.join(dir, "clocks.ndjson")
  writeClocks(clocks, new Emission(emission), perBatch)
  const oracle = await NexmarkOracle.open(file, { clocks, file: path.join(dir, "oracle.duckdb") })
  return {
    async verdict(query, say) {
      const to = path.join(dir, `${query}.ndjson`)
      await runQuery({ query, emission, to })
      const difference = await oracle.compare(query, rowsIn(query, to))
      fs.rmSync(to, { recursive: true })
      if (!agrees(difference)) say(differenceText(difference))
      return agrees(difference) ? "agrees" : "differs"
    },
    close: () => oracle.close(),
  }
}

function figuresOf(query: string, generated: RunReport, read: RunReport, oracle: "agrees" | "differs"): Figure[] {
  const aim = aims[query]
  const unit = "events/s"
  const better = "higher"
  return [
    {
      name: `${query} generated`,
      value: perSecond(generated),
      unit,
      better,
      oracle,
      ...(aim === undefined ? {} : { aim }),
    },
    {
      name: `${query} generated, per CPU second`,
      value: Math.round(generated.events / generated.cpuSeconds),
      unit,
      better,
    },
    { name: `${query} from NDJSON`, value: perSecond(read), unit, better },
    { name: `${query} from NDJSON, per CPU second`, value: Math.round(read.events / read.cpuSeconds), unit, better },
    { name: `${query} peak memory of its own`, value: Math.round(generated.ownBytes / 1e6), unit: "MB", better: "lower" },
    { name: `${query} peak RSS`, value: Math.round(generated.peakBytes / 1e6), unit: "MB", better: "lower" },
  ]
}

function perSecond({ events: count, seconds }: RunReport): number {
  return Math.round(count / seconds)
}

function line(report: RunReport): string {
  const { events: count, seconds, cpuSeconds, peakBytes, ownBytes } = report
  const thousands = (per: number): number => Math.round(count / per / 1000)
  return `${thousands(seconds)} k events/s, ${thousands(cpuSeconds)} k per CPU second, ${Math.round(ownBytes / 1e6)} MB (${Math.round(peakBytes / 1e6)} resident)`
}
