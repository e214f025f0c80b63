import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { workplace } from "../test/cli.ts"
import { TypeCheck, type TypeFault } from "./type-check.ts"

const text = `
import { service, stream } from "millrace"
const numbers = stream<{ n: number }>("numbers", { partitions: 1 })
const doubled: string = 2
export default service("sums", [numbers.map(({ n }) => ({ n: n * 2 })).to(stream("doubles", { partitions: 1 }))])
`

function faultsOf(file: string, words: readonly string[]): Promise<readonly TypeFault[]> {
  return new Promise((resolve) => new TypeCheck(file, resolve, words).begin())
}

test("types are found under the conditions of the node: in the repository, a service beside it has its own mistakes and no others", async (t) => {
  const place = workplace()
  t.after(() => place.remove())
  const file = path.join(place.dir, "service.ts")
  writeFileSync(file, text)
  for (const words of [["--conditions=@millrace/source"], ["-C", "@millrace/source"]]) {
    const faults = await faultsOf(file, words)
    assert.deepEqual(faults.map(({ code, line, file: at }) => [code, line, path.basename(at)]), [["TS2322", 4, "service.ts"]])
  }
})
