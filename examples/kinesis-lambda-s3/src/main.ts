/** `npm run example:kinesis-lambda-s3`: the pipeline once, and what came of it. */
import { run } from "./run.ts"

const { objects, lines, missing, invented, byMagnitude } = await run(console.log)
console.log(`${objects} objects with ${lines} earthquakes; DuckDB finds ${missing} missing and ${invented} that were never sent.`)
for (const { magnitude, quakes } of byMagnitude) {
  const label = magnitude === null ? "  ?  " : `${magnitude} to ${magnitude + 1}`.padEnd(7)
  console.log(`${label.padStart(10)}  ${String(quakes).padStart(5)}  ${"#".repeat(Math.ceil(quakes / 15))}`)
}
if (missing + invented > 0) process.exitCode = 1
