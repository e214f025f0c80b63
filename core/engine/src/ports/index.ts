export * from "./files.ts"
export * from "./store.ts"
