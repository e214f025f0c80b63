/** Transactions of workers on their way into the journal: as many in a frame as fit, each of them whole. */
import { limits } from "@millrace/model"
import type { Commits } from "./commits.ts"
import type { TransactionData } from "./messages.ts"
import { unpacked } from "./parcel.ts"

/**
 * Appends them in order; returns the sequence of the last frame.
 *
 * @param isPatient - nobody waits for what this transaction has written
 */
export function appendedAll(commits: Commits, transactions: readonly TransactionData[], parcel: Uint8Array, isPatient: (transaction: TransactionData) => boolean): number {
  let sequence = 0
  // A frame carries as many as fit; each transaction is whole in its own.
  for (let from = 0; from < transactions.length; ) {
    const to = frameEnd(transactions, from)
    const part = transactions.slice(from, to)
    const appends = part.flatMap((transaction) => transaction.appends.map((packed) => unpacked(packed, parcel)))
    const state = part.map(({ stateAt, stateLength }) => parcel.subarray(stateAt, stateAt + stateLength))
    ;({ sequence } = commits.append(part.every(isPatient) ? { appends, state, isPatient: true } : { appends, state }))
    from = to
  }
  return sequence
}

/** One past the last of the transactions from `from` on that fit one frame together. */
function frameEnd(transactions: readonly TransactionData[], from: number): number {
  let bytes = 0
  let to = from
  for (; to < transactions.length; to++) {
    const { appends, stateLength } = transactions[to] as TransactionData
    bytes += stateLength + appends.reduce((sum, { length }) => sum + length, 0)
    if (to > from && bytes > limits.transactionBytesMax) break
  }
  return to
}
