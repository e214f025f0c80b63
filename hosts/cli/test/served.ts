/** A node in a directory of its own that runs what a test has written there. */
import { writeFileSync } from "node:fs"
import path from "node:path"
import { type RunningNode, type StartOptions, startNode } from "../src/node.ts"
import { workplace } from "./cli.ts"

export interface Served {
  readonly dir: string
  readonly node: RunningNode
  /** Stops the node and removes the directory. */
  close(): Promise<void>
}

/** Writes files, by name, and runs the `service.ts` among them. */
export async function serve(files: Readonly<Record<string, string>>, options: Partial<StartOptions> = {}): Promise<Served> {
  const { dir, remove } = workplace()
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text)
  const node = await startNode({ files: [path.join(dir, "service.ts")], dataDir: path.join(dir, "data"), port: 0, log: "error", ...options })
  const close = async (): Promise<void> => {
    await node.close()
    remove()
  }
  return { dir, node, close }
}
