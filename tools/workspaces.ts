// The workspace graph as package.json files state it; what the checks compare everything else with.
import fs from "node:fs"
import path from "node:path"

export const root: string = path.resolve(import.meta.dirname, "..")

/** One workspace: its directory, what it is called, whether it is published. */
export interface Workspace {
  readonly dir: string
  readonly name: string
  readonly published: boolean
  readonly dependencies: readonly string[]
}

/** Every workspace, sorted by directory within the order of the root's `workspaces`. */
export function workspaces(): readonly Workspace[] {
  const globs = (readJson("package.json") as { workspaces: readonly string[] }).workspaces
  return globs.flatMap((glob) => fs.globSync(`${glob}/package.json`, { cwd: root }).toSorted()).map((file) => {
    const manifest = readJson(file) as { name: string; private?: boolean; dependencies?: Record<string, string> }
    return {
      dir: path.dirname(file),
      name: manifest.name,
      published: manifest.private !== true,
      dependencies: Object.keys(manifest.dependencies ?? {}),
    }
  })
}

function readJson(file: string): unknown {
  return JSON.parse(fs.readFileSync(path.join(root, file), "utf8"))
}
