/** A figure for `/metrics`, by its labels. */
export interface Sample {
  readonly name: string
  readonly help: string
  readonly kind: "counter" | "gauge"
  readonly values: ReadonlyArray<{ readonly labels: Readonly<Record<string, string>>; readonly value: number }>
}
