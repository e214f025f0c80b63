/** A node inside this process, with its front door: `import { startNode } from "millrace/node"`. */
import { readFile } from "node:fs/promises"
import { assertOrigins, createGateway, createHttpFunctions, createLambdaApi, type TlsIdentity } from "@millrace/gateway"
import { createKinesis, signatureFault, type SignedRequest } from "@millrace/kinesis"
import { type NodeStatus, openLog, startNode as startRuntime } from "@millrace/runtime"
import { MillraceError } from "@millrace/model"
import { bindTaskCaller } from "@millrace/sdk/caller"
import { assertStartOptions, type StartOptions, type TlsOptions } from "./start-options.ts"
import { version } from "./version.ts"

export type { RollPlan } from "@millrace/model"
export type { NodeStatus, SinkStatus } from "@millrace/runtime"
export type { StartOptions, TlsOptions } from "./start-options.ts"

export interface RunningNode {
  /** Where it answers: `http://127.0.0.1:7070`. */
  readonly url: string
  /** Where it answers over TLS: `https://127.0.0.1:7443`. Undefined without {@link StartOptions.tls}. */
  readonly tlsUrl: string | undefined
  readonly services: readonly string[]
  readonly outDir: string
  status(): NodeStatus
  /**
   * Runs other services, or new versions of these, in place of all that run now; state stays, nothing is lost. When the
   * new ones are refused, the old ones go on.
   *
   * @throws MR1101 to MR1104, MR1306
   */
  deploy(files: readonly string[]): Promise<void>
  /**
   * Reads the files of {@link StartOptions.tls} again: whoever connects from now on gets what they hold; connections that there are stay.
   * Without them it does nothing.
   *
   * @throws MR1405 for what cannot be used; the certificate before goes on
   * @example `setInterval(() => node.renewCertificate().catch(console.error), 86_400_000)`
   */
  renewCertificate(): Promise<void>
  /**
   * Answers what it has in hand, makes all durable, and lets go of port and directory. Calling it again changes
   * nothing.
   */
  close(): Promise<void>
}

/**
 * Opens the data directory, recovers, starts the services and opens the front door. From then on, `task.call` and `task.send`
 * in this process reach this node.
 *
 * @throws MR1301 to MR1306 for the directory, MR1101 to MR1104 for the services, MR1101 for an option
 * that there is not or that holds what it cannot, MR1402 and MR1403 for the address,
 * MR1405 for the certificate
 * @example
 * ```ts
 * const node = await startNode({ files: ["service.ts"] })
 * ```
 */
export async function startNode(options: StartOptions): Promise<RunningNode> {
  assertStartOptions(options)
  const { host = "127.0.0.1", port = 7070, log: level = "info", stateMemory, drainSeconds, handlerSeconds, cors = [], kinesisCredentials = {}, tls, ...parts } = options
  // Before anything is opened.
  assertOrigins(cors)
  const log = openLog(level)
  // What cannot be read is told before anything begins.
  const identity = tls === undefined ? undefined : await identityOf(tls)
  const bounds = {
    ...(stateMemory === undefined ? {} : { stateMemoryBytesMax: stateMemory * 1_048_576 }),
    ...(handlerSeconds === undefined ? {} : { handlerMsMax: handlerSeconds * 1_000 }),
    ...(drainSeconds === undefined ? {} : { drainMs: drainSeconds * 1_000 }),
  }
  const node = await startRuntime({ ...parts, log, bounds })
  const keys = new Map([...keysOfFunctions(kinesisCredentials), ...Object.entries(kinesisCredentials)])
  const kinesis = createKinesis({ node, log, credentials: keys })
  const signed = keys.size === 0 ? {} : { signature: (request: SignedRequest, body: Uint8Array) => signatureFault(request, body, keys, "lambda", Date.now()) }
  const lambda = createLambdaApi({ functions: node.functions, events: node.events, mappings: node.mappings, ...signed })
  const gateway = createGateway({ node, version, log, pages: cors, mounts: [{ name: "kinesis", ...kinesis }, lambda, createHttpFunctions({ functions: node.functions, log })] })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    bindTaskCaller(undefined)
    await gateway.close()
    await node.close()
  }
  try {
    const { url } = await gateway.listen(host, port)
    const secure = identity === undefined ? undefined : await gateway.listenSecurely(host, tls?.port ?? 7443, identity)
    const [credentials] = Object.entries(kinesisCredentials)
    node.functions.address = { url, ...(credentials === undefined ? {} : { credentials }) }
    // From here on `task.call` and `task.send` reach this node in this process.
    bindTaskCaller(node.tasks.caller)
    return {
      url,
      tlsUrl: secure?.url,
      get services() {
        return node.services
      },
      outDir: node.outDir,
      status: () => node.status(),
      deploy: (files) => node.deploy(files),
      async renewCertificate() {
        if (tls !== undefined) gateway.renewIdentity(await identityOf(tls))
      },
      close: () => (closing ??= close()),
    }
  } catch (error) {
    await gateway.close()
    await node.close()
    throw error
  }
}

/** The key of AWS that functions find in the node's environment: their clients sign with it whatever they call, this node too. */
function keysOfFunctions(given: NonNullable<StartOptions["kinesisCredentials"]>): readonly (readonly [key: string, secret: string])[] {
  // Without keys of its own the node looks at no signature.
  if (Object.keys(given).length === 0) return []
  const { AWS_ACCESS_KEY_ID: key = "", AWS_SECRET_ACCESS_KEY: secret = "" } = process.env
  return key === "" || secret === "" ? [] : [[key, secret]]
}

async function identityOf({ cert, key }: TlsOptions): Promise<TlsIdentity> {
  return { cert: await pemOf(cert, "certificate"), key: await pemOf(key, "key") }
}

async function pemOf(file: string, what: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError("MR1405", `The TLS ${what} cannot be read: ${why}. Give the path of a file in PEM.`, { path: file }, cause)
  }
}
