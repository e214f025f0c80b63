/** What an implementation gives to be tested. */
import type { OnLost, Store } from "@millrace/engine"

/** Somewhere a store can be opened, again and again. Empty at first. */
export interface StorePlace {
  open(options: { readonly now: () => number; readonly onLost: OnLost }): Promise<Store>
  /** Whether a store that was closed can be opened again with what it held. */
  readonly survives: boolean
  remove(): Promise<void>
}
