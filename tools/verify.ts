// `npm run verify [-- NAME …]`: proves a large whole against an oracle: `flights` (the example, and its crashes), `nexmark` (each query
// on a node that is killed), or `tasks` (runs on such a node). Without a name: flights. What follows the name is the program's own.
const programs: Readonly<Record<string, string>> = {
  flights: "testing/verify/src/main.ts",
  nexmark: "testing/bench/nexmark/verify.ts",
  tasks: "testing/verify/src/tasks.ts",
}

const [, , given = ""] = process.argv
const name = given === "" || given.startsWith("-") ? "flights" : given
const program = programs[name]
if (program === undefined) {
  console.error(`There is nothing to verify by the name "${name}"; there are ${Object.keys(programs).join(", ")}.`)
  process.exitCode = 2
} else {
  if (name === given) process.argv.splice(2, 1)
  await import(new URL(`../${program}`, import.meta.url).href)
}
