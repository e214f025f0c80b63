/** A figure for `/metrics`, by its labels. */
export interface Sample {
  readonly name: string
  readonly help: string
  readonly kind: "counter" | "gauge" | "histogram"
  readonly values: ReadonlyArray<{
    readonly labels: Readonly<Record<string, string>>
    readonly value: number
    /** Of a histogram: which of its figures this is; a bucket's bound is its label `le`. */
    readonly part?: "bucket" | "sum" | "count"
  }>
}
