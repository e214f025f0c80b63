/** The options that `start` and `dev` share. */
import { limits, MillraceError } from "@millrace/model"
import { type Command, Option } from "commander"
import { wholeNumber } from "./option-values.ts"
import { drainSecondsMost, handlerSecondsMost, type StartOptions, stateMemoryMost, workersMost } from "./start-options.ts"

export interface NodeOptions {
  readonly data: string
  readonly out?: string
  readonly values?: string
  readonly host: string
  readonly port: number
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsPort: number
  readonly workers?: number
  readonly stateMemory?: number
  readonly drain?: number
  readonly handlerLimit?: number
  readonly cors?: readonly string[]
  readonly sync?: "always" | "buffered" | "never"
  readonly json?: true
}

export function addNodeOptions(command: Command): Command {
  return command
    .option("--data <DIR>", "data directory", ".millrace/data")
    .option("--out <DIR>", 'where files go (default: "out" beside the data directory)')
    .option("--values <PLACE>", "where large inputs and outputs of tasks go: a directory, or s3://bucket/prefix (default: values in the data directory)")
    .option("--host <ADDRESS>", "address to listen on; only this machine's, as there are no credentials", "127.0.0.1")
    .option("--port <PORT>", "port to listen on; 0: any free one", wholeNumber(0, 65_535), 7070)
    .option("--cors <ORIGIN[,ORIGIN]>", "origins of pages that may call tasks, runs, streams, events and tables: https://shop.example", (text) => text.split(","))
    .option("--tls-cert <FILE>", "certificate chain in PEM: the node answers over TLS too, HTTP/2 and HTTP/1.1")
    .option("--tls-key <FILE>", "its key in PEM")
    .option("--tls-port <PORT>", "port for TLS; 0: any free one", wholeNumber(0, 65_535), 7443)
    .option(
      "--workers <N>",
      "threads for the services' code (default: one less than there are cores)",
      wholeNumber(1, workersMost),
    )
    .option("--drain <SECONDS>", "what running attempts of tasks get to end when the node stops or is given other code (default: 10)", wholeNumber(0, drainSecondsMost))
    .option("--handler-limit <SECONDS>", `how long code of a stream may take over one record before its worker is replaced (default: ${limits.handlerMsMax / 1_000})`, wholeNumber(1, handlerSecondsMost))
    .addOption(
      new Option(
        "--sync <WHEN>",
        "when an answer waits for the disk's sync; without, a power cut may lose the last moments, a killed process nothing (default: always)",
      ).choices(["always", "buffered", "never"]),
    )
    .option(
      "--state-memory <MB>",
      "megabytes of keyed state that a worker holds in memory; the rest is read from the disk when it is needed (default: 384)",
      wholeNumber(1, stateMemoryMost),
    )
}

/** @throws MR1601 for a certificate without its key, or a key alone */
export function startOptionsOf({ data, out, values, host, port, tlsCert, tlsKey, tlsPort, workers, stateMemory, drain, handlerLimit, cors, sync }: NodeOptions): Omit<StartOptions, "files"> {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    const [given, missing] = tlsKey === undefined ? ["--tls-cert", "--tls-key"] : ["--tls-key", "--tls-cert"]
    throw new MillraceError("MR1601", `${given} is of no use without ${missing}: give both, or none.`)
  }
  return {
    dataDir: data,
    host,
    port,
    ...(tlsCert === undefined || tlsKey === undefined ? {} : { tls: { cert: tlsCert, key: tlsKey, port: tlsPort } }),
    ...(out === undefined ? {} : { outDir: out }),
    ...(values === undefined ? {} : { valuesAt: values }),
    ...(workers === undefined ? {} : { workers }),
    ...(stateMemory === undefined ? {} : { stateMemory }),
    ...(drain === undefined ? {} : { drainSeconds: drain }),
    ...(handlerLimit === undefined ? {} : { handlerSeconds: handlerLimit }),
    ...(cors === undefined ? {} : { cors }),
    ...(sync === undefined ? {} : { sync }),
  }
}
