/** The node that a command talks to: its address as an option, and a client of it. */
import type { Backoff, Client } from "@millrace/protocol"
import type { Command } from "commander"
import { connect } from "./client.ts"
import type { Terminal } from "./terminal.ts"

const defaultUrl = "http://127.0.0.1:7070"

export interface AddressOptions {
  readonly url?: string
}

/** For the first request of a command: who typed it waits, and a node that is not there will not come by itself. */
const impatient: Backoff = { attempts: 2, firstMs: 100, mostMs: 100 }

export function addAddress(command: Command): Command {
  return command.option("--url <URL>", `address of the node (default: MILLRACE_URL, else ${defaultUrl})`)
}

export function addressOf({ url }: AddressOptions, terminal: Terminal): string {
  // An empty variable is as good as none.
  return url ?? (terminal.env["MILLRACE_URL"] || defaultUrl)
}

export interface NodeClients {
  /** Gives up at once when nothing answers. */
  readonly impatient: Client
  /** Keeps trying for about half a minute: a node that was there comes back. */
  readonly patient: Client
}

/** Clients of the node that the options name. */
export function clientsOf(options: AddressOptions, terminal: Terminal): NodeClients {
  const url = addressOf(options, terminal)
  return { impatient: connect(url, { backoff: impatient }), patient: connect(url) }
}
