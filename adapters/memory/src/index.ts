/** The reference store: the same promises as the disk store, as plainly as they can be kept. Nothing survives the process. */
export { type MemoryStoreOptions, openMemoryStore } from "./store.ts"
