/** What passes through an optional schema: the types of values before and behind it. */
import type { SchemaInput, SchemaOutput, StandardSchema } from "@millrace/model"

/** What a schema takes: what callers send, or what code gives to be checked. Without a schema, what the code says that it takes, or else anything. */
export type TakenBy<S, Said = unknown> = S extends StandardSchema ? SchemaInput<S> : Said

/** What a schema makes of it. Without a schema, what the code says that it takes, or else anything. */
export type MadeBy<S, Said = unknown> = S extends StandardSchema ? SchemaOutput<S> : Said

/**
 * What a caller gets, and what flows read: what the schema of the output makes of what the code gave, or, without a schema, that itself as
 * JSON. Nothing at all is `null`.
 */
export type ResultOf<O, R> = O extends StandardSchema ? NullIfNothing<SchemaOutput<O>> : JsonOf<R>

type NullIfNothing<T> = 0 extends 1 & T ? T : unknown extends T ? T : T extends undefined | void ? null : T

/** What JSON makes of a value: a `Date` becomes its text, `undefined` in a list `null`. */
export type JsonOf<T> = NullIfNothing<JsonPart<T>>

type JsonPart<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? T
    : T extends string | number | boolean | null | undefined | void
      ? T
      : T extends { toJSON(...given: never[]): infer J }
        ? J
        : T extends readonly unknown[]
          ? { [I in keyof T]: NullIfNothing<JsonPart<T[I]>> }
          : T extends object
            ? { [P in keyof T]: JsonPart<T[P]> }
            : T
