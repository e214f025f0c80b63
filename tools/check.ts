// `npm run check`: everything that must hold besides the tests. Every step runs, so one run shows all that is wrong.
import { spawnSync } from "node:child_process"
import { root } from "./workspaces.ts"

const steps: readonly (readonly [name: string, command: string])[] = [
  ["types", "npm run --silent types"],
  ["lint", "npm run --silent lint"],
  ["rings", "npm run --silent rings"],
  ["dead", "npm run --silent dead"],
  ["tidy", "node --test --test-reporter=spec tools/tidy.test.ts"],
  ["api", "tsc -b && node tools/api.ts --check"],
  ["pack-check", "npm run --silent pack-check"],
]

const failed: string[] = []
for (const [name, command] of steps) {
  console.log(`\n── ${name}: ${command}`)
  const started = performance.now()
  const { status } = spawnSync(command, { cwd: root, shell: true, stdio: "inherit" })
  console.log(`── ${name}: ${status === 0 ? "good" : "FAILED"} after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  if (status !== 0) failed.push(name)
}
console.log(failed.length === 0 ? "\ncheck: all good" : `\ncheck: ${failed.join(", ")} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
