// Puts 4 MB into the directory of the first argument and tells how it went; then removes the file of the second
// argument, if there is one, and tries again. Run by directory.test.ts where space or rights are short.
import fs from "node:fs"
import path from "node:path"
import { isMillraceError } from "@millrace/model"
import { openDirectory } from "../src/index.ts"

const [root, inTheWay] = process.argv.slice(2)
if (root === undefined) throw new Error("put.ts DIRECTORY [FILE]")
const place = await openDirectory(root)
const bytes = new Uint8Array(4_000_000)

try {
  await place.put("a/part-0", bytes)
  console.log("delivered")
} catch (fault) {
  if (!isMillraceError(fault)) throw fault
  console.log(fault.code, fault.message)
}
const unfinished = path.join(root, ".tmp")
console.log(fs.existsSync(unfinished) ? fs.readdirSync(unfinished).length : 0, "unfinished")

if (inTheWay !== undefined) {
  fs.rmSync(inTheWay)
  await place.put("a/part-0", bytes)
  console.log("delivered", fs.statSync(path.join(root, "a/part-0")).size)
}
await place.close()
