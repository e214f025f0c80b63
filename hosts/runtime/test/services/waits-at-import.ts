// Waits at its top level for something that never comes.
await new Promise(() => undefined)
export {}
