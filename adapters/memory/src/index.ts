/** The reference store: the promises of the disk store, kept as plainly as they can be. Nothing survives the process. */
export { type MemoryStoreOptions, openMemoryStore } from "./store.ts"
