/** What the node and its delivery thread say to each other. */
import type { ErrorData, SinkPlan } from "@millrace/model"

export interface DeliveryData {
  /** Where files go whose sink names no place. */
  readonly outDir: string
}

/** A file of a sink and partition, by its number. */
export interface FileOrder {
  readonly sink: SinkPlan
  readonly partition: number
  readonly number: number
}

export type ToDelivery =
  | { readonly kind: "open"; readonly id: number; readonly order: FileOrder }
  /** Rows: the entries [from, to) of the block. Answered by `taken`. */
  | { readonly kind: "rows"; readonly id: number; readonly block: Uint8Array; readonly from: number; readonly to: number }
  /** No more rows: write the file or files. Answered by `delivered`. */
  | { readonly kind: "close"; readonly id: number }
  | { readonly kind: "abandon"; readonly id: number }

export type FromDelivery =
  | { readonly kind: "taken"; readonly id: number }
  | { readonly kind: "delivered"; readonly id: number; readonly rows: number }
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorData }
