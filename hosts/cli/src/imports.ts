/**
 * The files that a service is made of: its own and those that it imports or names by relative path, found by reading, not by
 * running. Packages are not followed: they do not change while someone edits a service.
 */
import { readFile } from "node:fs/promises"
import path from "node:path"

/** `import … from "./x.ts"`, `export … from "../x.ts"`, `import "./x.ts"`, `import("./x.ts")`; and handlers of functions: `fn("x", "./x.ts")`. */
const relativeModule = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']|["'](\.{1,2}\/[^"'\n]+\.[cm]?[jt]s)["']/g

/** Absolute paths, the file itself first. A file that cannot be read is listed all the same: it may come back. */
export async function filesOf(file: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  const waiting = [path.resolve(file)]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue
    found.add(next)
    const text = await readFile(next, "utf8").catch(() => "")
    for (const [, imported, named] of text.matchAll(relativeModule)) waiting.push(path.resolve(path.dirname(next), imported ?? (named as string)))
  }
  return found
}
