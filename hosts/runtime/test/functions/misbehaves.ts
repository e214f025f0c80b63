// Everything that a handler should not do.
const held: unknown[] = []

interface Event {
  readonly code?: number
  readonly bytes?: number
}

export const handlers = {
  exits: async ({ code = 0 }: Event): Promise<void> => process.exit(code),
  kills: async (): Promise<boolean> => process.kill(process.pid, "SIGKILL"),
  leavesBehind: async (): Promise<string> => {
    setTimeout(() => {
      throw new Error("from before")
    }, 5)
    return "done"
  },
  neverSettles: async (): Promise<void> => new Promise(() => undefined),
  waitsForEver: async (): Promise<void> => {
    console.log("running")
    await new Promise(() => setInterval(() => undefined, 1000))
  },
  blocks: async (): Promise<void> => {
    console.log("running")
    for (;;);
  },
  large: async ({ bytes = 10_485_760 }: Event): Promise<string> => "x".repeat(bytes),
  leaks: async (): Promise<number> => {
    for (;;) held.push(Array.from({ length: 10_000 }, (_, i) => ({ i, text: `${i}` })))
  },
  leaksFast: async (): Promise<number> => {
    // eslint-disable-next-line unicorn/no-new-array -- as user code has it
    for (;;) held.push(new Array(10_000).fill({ x: 1 }))
  },
  leaksAtOnce: async (): Promise<number> => {
    // eslint-disable-next-line unicorn/no-new-array -- as user code has it
    held.push(new Array(60_000_000).fill({ x: 1 }))
    return new Promise(() => setInterval(() => undefined, 1000))
  },
  /** Holds little, and leaves much garbage of middle age. */
  wastes: async (): Promise<number> => {
    const text = JSON.stringify(Array.from({ length: 100_000 }, (_, i) => ({ i, text: `${i}` })))
    let items = 0
    for (let n = 0; n < 100; n++) {
      items += (JSON.parse(text) as unknown[]).length
      await new Promise((resolve) => setImmediate(resolve))
    }
    return items
  },
  leaksBytes: async (): Promise<number> => {
    for (;;) {
      held.push(Buffer.alloc(1_048_576, 1))
      await new Promise((resolve) => setImmediate(resolve))
    }
  },
  leaksBlocking: async (): Promise<number> => {
    for (;;) {
      held.push(Buffer.alloc(1_048_576, 1))
      for (const until = performance.now() + 1; performance.now() < until; );
    }
  },
  circular: async (): Promise<object> => {
    const it: Record<string, unknown> = {}
    it["it"] = it
    return it
  },
  nothing: async (): Promise<void> => undefined,
  throwsText: async (): Promise<void> => {
    throw "a text" as unknown as Error
  },
  throwsHostile: async (): Promise<void> => {
    throw { get name(): string { throw new Error("no") }, toString: null } as unknown as Error
  },
  rejectsUnseen: async (): Promise<string> => {
    void Promise.reject(new Error("nobody looked"))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    return "too late"
  },
  throwsLater: async (): Promise<string> => {
    setTimeout(() => {
      throw new Error("from a timer")
    }, 1)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    return "too late"
  },
  shouts: async (): Promise<string> => {
    for (let i = 0; i < 1000; i++) console.log("x".repeat(1000))
    process.stdout.write("past the console\n")
    return "heard"
  },
}
