/**
 * Kills the node, again and again, while a producer replays flights into it: the producer is a process of its own and
 * retries with its idempotency keys, the node is started anew on the same directory each time.
 *
 * Three kinds of moments, chosen by a seed: between two acknowledgements of the replay (with up to 30 ms more, so that
 * it may be in the middle of a write, an fsync or a fold), while the node recovers from the kill before, and while it
 * delivers the last files after the end of the stream.
 */
import { KillableNode } from "./killable-node.ts"
import { Program, type ProgramEvent, programs } from "./program.ts"
import { seeded } from "./random.ts"

export interface CrashOptions {
  /** Directory for data and output of this run. */
  readonly dir: string
  /** Flights to replay. */
  readonly flights: number
  /** Flights of one request. */
  readonly batch: number
  /** How often the node is killed; 0: an undisturbed run. */
  readonly kills: number
  readonly seed: number
  readonly log: (line: string) => void
}

export interface CrashRun {
  /** Kills by what the node was doing. */
  readonly kills: { readonly replaying: number; readonly recovering: number; readonly delivering: number }
  /** What the producer said at last. */
  readonly result: ProgramEvent
  readonly out: string
}

/** Shares of the kills that come while the node recovers, and while it delivers the last files. */
const recoveringShare = 0.2
const deliveringShare = 0.2
const delayMsMost = 30

export async function crashRun(options: CrashOptions): Promise<CrashRun> {
  const { dir, flights, batch, kills, seed, log } = options
  const random = seeded(seed)
  const node = new KillableNode(dir, programs.flightsService, random, log)
  const { url } = await node.start()
  const words = ["--json", "--once", "--url", url, "--limit", String(flights), "--batch", String(batch)]
  const producer = new Program(programs.flights, words)
  const counts = { replaying: 0, recovering: 0, delivering: Math.round(kills * deliveringShare) }
  const requests = Math.ceil(flights / batch)
  const moments = Array.from(
    { length: kills - counts.delivering },
    () => 1 + Math.floor(random() * (requests - 1)),
  ).toSorted((a, b) => a - b)

  try {
    let done = 0
    const acknowledged = async (wanted: number): Promise<void> => {
      while (done < wanted) done = (await producer.until("acknowledged"))["requests"] as number
    }
    for (let next = moments.shift(); next !== undefined; next = moments.shift()) {
      await acknowledged(next)
      await node.kill(`${done} of about ${requests} requests acknowledged`, delayMsMost)
      counts.replaying++
      while (moments.length > 0 && random() < recoveringShare / (1 - deliveringShare)) {
        moments.shift()
        await node.killInRecovery()
        counts.recovering++
      }
      await node.start()
    }
    if (kills > 0) {
      await producer.until("ended")
      for (let kill = 0; kill < counts.delivering; kill++) {
        await node.kill(
          "the stream has ended, the last files are on their way",
          kill === 0 ? delayMsMost : 4 * delayMsMost,
        )
        await node.start()
      }
    }
    const result = await producer.until("result")
    const code = await producer.exitCode()
    if (code !== 0) throw new Error(`the producer exited with ${code}: ${producer.err}`)
    await node.stop()
    return { kills: counts, result, out: `${dir}/out` }
  } finally {
    await producer.stop("SIGKILL")
    await node.stop()
  }
}
