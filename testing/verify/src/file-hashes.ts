/** What a directory holds, to compare two of them byte for byte. */
import { createHash } from "node:crypto"
import { globSync, readFileSync, statSync } from "node:fs"
import path from "node:path"

/** SHA-256 by path within the directory, sorted by path. */
export function fileHashes(directory: string): ReadonlyMap<string, string> {
  const files = globSync("**/*", { cwd: directory }).filter((file) => statSync(path.join(directory, file)).isFile())
  const hash = (file: string): string =>
    createHash("sha256")
      .update(readFileSync(path.join(directory, file)))
      .digest("hex")
  return new Map(files.toSorted((a, b) => (a < b ? -1 : 1)).map((file) => [file, hash(file)]))
}

/** Paths that only one of them has, or that differ. */
export function differingFiles(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((file) => a.get(file) !== b.get(file))
}
