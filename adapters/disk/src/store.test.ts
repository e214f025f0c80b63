import { randomUUID } from "node:crypto"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { storeSuite } from "@millrace/conformance"
import { openDiskStore } from "./store.ts"

// Segments are small, so that a short test fills several.
for (const [name, tailBytes, syncMs] of [
  ["disk, read from memory", 1 << 20, 0],
  ["disk, read from segments", 0, 0],
  ["disk, synced a little later", 1 << 20, 1],
] as const) {
  storeSuite(name, () => {
    const dir = path.join(os.tmpdir(), `millrace-store-${randomUUID()}`)
    return {
      open: (options) => openDiskStore({ ...options, dir, segmentBytes: 700, tailBytes, syncMs }),
      survives: true,
      remove: () => fs.promises.rm(dir, { recursive: true, force: true }),
    }
  })
}
