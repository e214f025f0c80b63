/** A node as `millrace start` runs it, with its front door, and real clients of it. */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import type { TestContext } from "node:test"
import { KinesisClient, type KinesisClientConfig } from "@aws-sdk/client-kinesis"
import { NodeHttpHandler } from "@smithy/node-http-handler"
import { type RunningNode, startNode } from "millrace/node"

const home = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir()

export interface Bench {
  readonly node: RunningNode
  readonly client: KinesisClient
  readonly dir: string
}

/** Starts a node that is closed when the test ends. */
export async function openNode(
  t: TestContext,
  services: readonly string[] = [],
  given?: string,
  kinesisCredentials: Readonly<Record<string, string>> = {},
): Promise<Bench> {
  const dir = given ?? fs.mkdtempSync(path.join(home, "millrace-kinesis-"))
  if (given === undefined) atEnd(t, async () => fs.rmSync(dir, { recursive: true, force: true }))
  const files = services.map((name) => new URL(`./services/${name}.ts`, import.meta.url).pathname)
  const node = await startNode({
    files,
    dataDir: path.join(dir, "data"),
    port: 0,
    workers: 1,
    log: "silent",
    kinesisCredentials,
  })
  const client = clientOf(node.url)
  atEnd(t, async () => {
    client.destroy()
    await node.close()
  })
  return { node, client, dir }
}

const ends = new WeakMap<TestContext, (() => Promise<void>)[]>()

/** Does it when the test ends, what was asked for last first. */
function atEnd(t: TestContext, act: () => Promise<void>): void {
  const acts = ends.get(t)
  if (acts !== undefined) {
    acts.unshift(act)
    return
  }
  const first = [act]
  ends.set(t, first)
  t.after(async () => {
    for (const each of first) await each()
  })
}

/** The SDK's client as it is: over HTTP/2 with prior knowledge. */
export function http2ClientOf(t: TestContext, url: string): KinesisClient {
  const { requestHandler: _, ...settings } = settingsOf(url)
  const client = new KinesisClient(settings)
  atEnd(t, async () => client.destroy())
  return client
}

/** The SDK's client over HTTP/1.1. */
export function clientOf(url: string, more: Partial<KinesisClientConfig> = {}): KinesisClient {
  return new KinesisClient({ ...settingsOf(url), ...more })
}

function settingsOf(url: string) {
  return {
    endpoint: url,
    region: "eu-west-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret for tests" },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  } satisfies KinesisClientConfig
}

export function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))
}
