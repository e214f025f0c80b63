/** `npm run example:http-tasks`: requests, and what they were answered. */
import { run } from "./run.ts"

const { asked, objects } = await run(console.log)
for (const { what, status, ms, answer, differences } of asked) {
  const { rows, columns = [], data, message, run: id } = answer
  const told = rows === undefined ? (message ?? `run ${id}`) : `${rows} rows, ${columns.length} columns${data === undefined ? "" : `, ${data.length} rows of data`}; DuckDB ${differences.length === 0 ? "agrees" : `says ${differences.join("; ")}`}`
  console.log(`${what}: ${status} in ${ms} ms: ${told}`)
  if (differences.length > 0) process.exitCode = 1
}
console.log(`${objects} large values lay in S3.`)
