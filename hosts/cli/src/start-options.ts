/**
 * What `startNode` may be told, and the command line with it: names and bounds, checked before anything is opened.
 *
 * Not for: what cannot be seen from the option alone, such as whether a port is free.
 */
import { assertOptionNames, limits, MillraceError } from "@millrace/model"

export interface StartOptions {
  /** Modules that export services, by path. */
  readonly files: readonly string[]
  /** @default ".millrace/data" */
  readonly dataDir?: string
  /** Where file sinks without a place of their own write. @default "out" beside the data directory */
  readonly outDir?: string
  /** Where inputs and outputs of tasks of more than 1 MiB lie: a directory, or `s3://bucket/prefix`. @default "values" in the data directory */
  readonly valuesAt?: string
  /** Only addresses of this machine, as there are no credentials. @default "127.0.0.1" */
  readonly host?: string
  /** 0 takes any free one. @default 7070 */
  readonly port?: number
  /**
   * A second port, over TLS, on which the same is answered: HTTP/2 or HTTP/1.1 as client and node agree. For clients that insist on
   * TLS; who may reach the node stays as it is.
   *
   * @default none
   */
  readonly tls?: TlsOptions
  /** Threads that run the services' code. @default one less than there are cores, at least 1 */
  readonly workers?: number
  /** Megabytes of keyed state that a worker holds in memory; the rest is read from the disk when it is needed. @default 384 */
  readonly stateMemory?: number
  /** Seconds that running attempts of tasks get to end when the node stops or is given other services. @default 10 */
  readonly drainSeconds?: number
  /**
   * Seconds that code of a stream may take over one record before its worker is replaced and the record, if that happens again, put
   * aside. The other partitions of that worker wait as long.
   *
   * @default 5
   */
  readonly handlerSeconds?: number
  /**
   * Origins of pages that may call streams, events, tables, tasks and runs: `["https://shop.example"]`.
   *
   * @default none: no page of another origin gets in
   */
  readonly cors?: readonly string[]
  /**
   * When a commit counts as durable: `always`, once the disk has synced it; `buffered`, once it is written, and it is synced within
   * 10 ms; `never`, once it is written. A killed process loses nothing either way; a power cut what was not synced.
   *
   * @default "always"
   */
  readonly sync?: "always" | "buffered" | "never"
  /**
   * Secrets of the Kinesis API by access key, `{ AKIA…: "secret" }`: then its requests must be signed with one of them, or with the key of AWS in the
   * process's environment, with which clients in functions sign.
   *
   * @default none: any signature will do, and none too
   */
  readonly kinesisCredentials?: Readonly<Record<string, string>>
  /** What the node writes to stderr, one line of JSON each. @default "info" */
  readonly log?: "info" | "warn" | "error" | "silent"
}

export interface TlsOptions {
  /** File of the certificate chain, in PEM. */
  readonly cert: string
  /** File of its key, in PEM. */
  readonly key: string
  /** 0 takes any free one. @default 7443 */
  readonly port?: number
}

export const workersMost = 64
export const drainSecondsMost = 86_400
export const handlerSecondsMost = 3_600
export const stateMemoryMost: number = limits.workerHeapMegabytesMax / 2

/** What an option may hold, and how to say so. */
interface Holds {
  readonly fits: (given: unknown) => boolean
  readonly said: string
}

function from(least: number, most: number, unit: "" | " seconds"): Holds {
  const whole = unit === ""
  const fits = (given: unknown): boolean => typeof given === "number" && given >= least && given <= most && (!whole || Number.isInteger(given))
  return { fits, said: whole ? `a whole number from ${least} to ${most}` : `${least} to ${most}${unit}` }
}

function oneOf(...names: readonly string[]): Holds {
  return { fits: (given) => names.includes(given as string), said: `one of ${names.map((name) => JSON.stringify(name)).join(", ")}` }
}

const isText = (given: unknown): boolean => typeof given === "string" && given !== ""
const isTexts = (given: unknown): boolean => Array.isArray(given) && given.every(isText)
const aPath: Holds = { fits: isText, said: "a path" }
const aPort = from(0, 65_535, "")

const tlsHolds: Readonly<Record<keyof TlsOptions, Holds>> = { cert: aPath, key: aPath, port: aPort }

/** Every option, so that none is forgotten here. */
const holds: Readonly<Record<keyof StartOptions, Holds>> = {
  files: { fits: isTexts, said: 'a list of paths of modules, such as ["service.ts"]' },
  dataDir: aPath,
  outDir: aPath,
  valuesAt: { fits: isText, said: "a directory, or s3://bucket/prefix" },
  host: { fits: isText, said: 'an address of this machine, such as "127.0.0.1"' },
  port: aPort,
  tls: { fits: (given) => typeof given === "object" && given !== null, said: '{ cert: "cert.pem", key: "key.pem" }' },
  workers: from(1, workersMost, ""),
  stateMemory: from(1, stateMemoryMost, ""),
  drainSeconds: from(0, drainSecondsMost, " seconds"),
  handlerSeconds: { fits: (given) => typeof given === "number" && given > 0 && given <= handlerSecondsMost, said: `more than 0 and at most ${handlerSecondsMost} seconds` },
  cors: { fits: isTexts, said: 'a list of origins, such as ["https://shop.example"]' },
  sync: oneOf("always", "buffered", "never"),
  kinesisCredentials: {
    fits: (given) => typeof given === "object" && given !== null && isTexts(Object.values(given)),
    said: "an object of secrets by access key",
  },
  log: oneOf("info", "warn", "error", "silent"),
}

/** The names of all options of `startNode`. */
export const startOptionNames: readonly string[] = Object.keys(holds)

/** @throws MR1101 for an option that there is not, and for what one cannot hold, naming it */
export function assertStartOptions(options: StartOptions): void {
  assertHolds(options, holds, "startNode", '{ files: ["service.ts"] }')
  if (!Object.hasOwn(options, "files")) throw new MillraceError("MR1101", `startNode: files is missing; give ${holds.files.said}.`)
  const { tls } = options
  if (tls === undefined) return
  assertHolds(tls, tlsHolds, "startNode, tls", holds.tls.said)
  for (const name of ["cert", "key"] as const) if (tls[name] === undefined) throw new MillraceError("MR1101", `startNode, tls: ${name} is missing; give the path of a file in PEM.`)
}

function assertHolds<Options extends object>(options: Options, each: Readonly<Record<keyof Options & string, Holds>>, what: string, example: string): void {
  assertOptionNames(options, Object.keys(each), what, example)
  for (const [name, { fits, said }] of Object.entries<Holds>(each)) {
    const given = (options as Readonly<Record<string, unknown>>)[name]
    if (given === undefined || fits(given)) continue
    throw new MillraceError("MR1101", `startNode${what === "startNode" ? "" : ", tls"}, ${name}: expected ${said}, not ${JSON.stringify(given) ?? typeof given}.`, { given })
  }
}
