/** What JSON can carry, among types: a schema that takes or gives anything else is refused where it is given. */

/** What JSON cannot carry. */
export type Unspeakable = Date | bigint | symbol | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> | Uint8Array

/** What JSON carries as it is. */
type PlainInJson = string | number | boolean | null | undefined

/** The fields of a type that JSON cannot carry, or that hold what it cannot carry. A few levels deep: what lies deeper shows when values are checked. */
export type NotJson<In> = 0 extends 1 & In
  ? never
  : In extends PlainInJson
    ? never
    : In extends Unspeakable
      ? "the value itself"
      : In extends readonly unknown[]
        ? HoldsUnspeakable<In, LevelsLookedAt> extends true
          ? "its items"
          : never
        : {
            [P in keyof In]-?: HoldsUnspeakable<In[P], LevelsLookedAt> extends true ? P : never
          }[keyof In]

type LevelsLookedAt = [1, 2, 3]

type HoldsUnspeakable<T, Left extends readonly unknown[]> = 0 extends 1 & T ? false : true extends UnspeakablePart<T, Left> ? true : false

/** Of a union, of each: so that one is enough. */
type UnspeakablePart<T, Left extends readonly unknown[]> = T extends PlainInJson
  ? false
  : T extends Unspeakable
    ? true
    : Left extends readonly [unknown, ...infer Less]
      ? T extends readonly (infer Item)[]
        ? HoldsUnspeakable<Item, Less>
        : T extends object
          ? { [P in keyof T]-?: HoldsUnspeakable<T[P], Less> }[keyof T]
          : false
      : false

/** Records, inputs and outputs are JSON, so their schemas hold to what JSON can say: a date as text, taken with `z.coerce.date()` or its like. */
export type FromJson<In> = [NotJson<In>] extends [never]
  ? unknown
  : { readonly "JSON cannot carry these fields": NotJson<In> }
