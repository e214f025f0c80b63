import { randomUUID } from "node:crypto"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { storeSuite } from "@millrace/conformance"
import { openDiskStore } from "./store.ts"

// Segments are small, so that a short test fills several.
for (const [name, tailBytes] of [
  ["disk, read from memory", 1 << 20],
  ["disk, read from segments", 0],
] as const) {
  storeSuite(name, () => {
    const dir = path.join(os.tmpdir(), `millrace-store-${randomUUID()}`)
    return {
      open: (options) => openDiskStore({ ...options, dir, segmentBytes: 700, tailBytes }),
      survives: true,
      remove: () => fs.promises.rm(dir, { recursive: true, force: true }),
    }
  })
}
