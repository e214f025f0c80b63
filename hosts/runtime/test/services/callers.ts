// A task that calls another, which calls a third; each waits until its run is cut off.
import { service, task } from "@millrace/sdk"

const forEver = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)))

export const leaf = task("leaf", { retry: 1, run: (_: unknown, ctx) => forEver(ctx.signal) })
export const middle = task("middle", { retry: 1, run: (given: unknown) => leaf.call(given) })
export const top = task("top", {
  retry: 1,
  run: async (given: unknown, ctx) => {
    if (given === "send") return (await leaf.send(given)).result()
    if (given !== "undo") return middle.call(given)
    // Calls on when it hears that it is cut off.
    return forEver(ctx.signal).catch(() => leaf.call("undone"))
  },
})
/** Its time is over soon. */
export const brief = task("brief", { retry: 1, timeout: "1500ms", run: (given: unknown, ctx) => middle.call(given, { idempotencyKey: `${ctx.run}/middle` }) })

/** Looks after a run that it has sent. */
export const keeper = task("keeper", {
  retry: 1,
  run: async () => {
    const handle = await speaker.send(null)
    let details = await handle.run()
    while (details.progress === undefined) details = await handle.run()
    await handle.cancel()
    const ended = await handle.run()
    await handle.retry()
    const again = await handle.run()
    await handle.cancel()
    const refused = await handle.result().catch((error: unknown) => (error as { code?: string }).code)
    return [details.status, details.progress, ended.status, ended.error?.code, again.finishedAt === undefined, refused, ended.enqueuedAt instanceof Date]
  },
})
export const speaker = task("speaker", { retry: 1, run: (_: unknown, ctx) => (ctx.progress({ half: true }), forEver(ctx.signal)) })

export default service("callers", [keeper, speaker, top, brief, middle, leaf])
