/** `npm run bench -- NAME [PART…] [--json FILE]`: runs one benchmark; without a name, lists them. */
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { engine } from "./engine.ts"
import { type Bench, reportOf } from "./figures.ts"
import { functions } from "./functions/bench.ts"
import { kinesis } from "./kinesis.ts"
import { latency } from "./latency.ts"
import { nexmarkBench } from "../nexmark/bench.ts"
import { tasksBench } from "../tasks/bench.ts"
import { pipeline } from "./pipeline.ts"
import { recovery } from "./recovery.ts"
import { start } from "./start.ts"

const benches: readonly Bench[] = [pipeline, latency, engine, recovery, start, kinesis, functions, nexmarkBench, tasksBench]

const { positionals, values } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } })
const [name, ...only] = positionals
const chosen = benches.find((bench) => bench.name === name)

if (name === undefined) {
  for (const bench of benches) console.log(bench.name)
} else if (chosen === undefined) {
  console.error(`There is no benchmark "${name}"; there are ${benches.map((bench) => bench.name).join(", ")}.`)
  process.exitCode = 2
} else {
  console.error(chosen.about)
  const figures = await chosen.run((line) => console.error(`  ${line}`), only)
  const report = reportOf(chosen.name, figures, new Date())
  for (const { name: figure, value, unit, aim, oracle } of figures) {
    const aimed = aim === undefined ? "" : `  (aim ${aim.toLocaleString("en")})`
    const verdict = oracle === undefined ? "" : `  oracle ${oracle}`
    console.log(`${figure}: ${value.toLocaleString("en")} ${unit}${aimed}${verdict}`)
  }
  const { cpu, cores, memory, node, date } = report.machine
  console.log(`${cpu}, ${cores} cores, ${memory}, Node ${node}, ${date}`)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`)
}
