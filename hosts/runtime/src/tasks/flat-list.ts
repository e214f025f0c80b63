/** A list that only its maker and its reader look into: see flat.ts. */
export interface Flat<Of> extends ReadonlyArray<unknown> {
  readonly [flatOf]?: Of
}

declare const flatOf: unique symbol
