/** A gateway on a free port before a node in memory, for one test. */
import { connect, type Socket } from "node:net"
import type { TestContext } from "node:test"
import type { StreamPlan } from "@millrace/model"
import { createGateway, type Gateway, type GatewayOptions } from "../src/index.ts"
import { ManualClock } from "@millrace/conformance"
import { MemoryNode, streamPlan } from "./memory-node.ts"

export interface Door {
  readonly node: MemoryNode
  readonly gateway: Gateway
  readonly clock: ManualClock
  readonly url: string
  readonly port: number
  /** Sentences logged, each with its level before it. */
  readonly logged: string[]
}

export async function openDoor(
  t: TestContext,
  streams: readonly StreamPlan[] = [streamPlan("payments")],
  options: Pick<GatewayOptions, "arrival" | "pages"> = {},
): Promise<Door> {
  const node = new MemoryNode(streams)
  const clock = new ManualClock()
  const logged: string[] = []
  const log = {
    info: (_: object, sentence: string) => logged.push(`info ${sentence}`),
    warn: (_: object, sentence: string) => logged.push(`warn ${sentence}`),
    error: (_: object, sentence: string) => logged.push(`error ${sentence}`),
  }
  const gateway = createGateway({ node, version: "0.0.0-test", log, clock, ...options })
  const { url, port } = await gateway.listen("127.0.0.1", 0)
  t.after(() => {
    const closed = gateway.close()
    // Connections that a test left open are cut off now and not after five seconds.
    clock.advance(60_000)
    return closed
  })
  return { node, gateway, clock, url, port, logged }
}

/** Sends bytes as they are and gives all that comes back until the other side closes. */
export function raw(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(bytes))
    const parts: Buffer[] = []
    socket.on("data", (part) => parts.push(part))
    socket.on("close", () => resolve(Buffer.concat(parts).toString("utf8")))
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (parts.length === 0) reject(error)
    })
  })
}

/** An open connection that has sent these bytes. */
export function open(port: number, bytes: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => {
      socket.removeListener("error", reject)
      socket.on("error", () => undefined)
      socket.write(bytes, () => resolve(socket))
    })
    socket.once("error", reject)
  })
}

/** The next time that a condition holds, looked at after every turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
