/** A new certificate for a node that runs: whoever has put it in place of the old one sends SIGHUP. */
import { errorData } from "@millrace/model"
import type { RunningNode } from "./node.ts"
import type { Terminal } from "./terminal.ts"

/** Without TLS a hangup is what it always was: the end of the process. */
export function renewAtHangup(node: RunningNode, terminal: Terminal, tell: (event: object, words: string) => void): void {
  if (node.tlsUrl === undefined) return
  const renew = async (): Promise<void> => {
    try {
      await node.renewCertificate()
      tell({ event: "certificate-renewed" }, "The TLS certificate was read again; new connections get it.")
    } catch (error) {
      const { code, message } = errorData(error)
      tell({ event: "certificate-refused", code, message }, `The TLS certificate before goes on: ${message} [${code}]`)
    }
  }
  // One after the other: the files may change in between.
  let last = Promise.resolve()
  terminal.onHangup(() => {
    last = last.then(renew)
  })
}
