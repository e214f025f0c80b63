import { storeSuite } from "@millrace/conformance"
import { openMemoryStore } from "./store.ts"

storeSuite("memory", () => ({
  open: (options) => openMemoryStore(options),
  survives: false,
  remove: () => Promise.resolve(),
}))
