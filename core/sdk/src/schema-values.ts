/** What passes through an optional schema: the types of values before and behind it. */
import type { SchemaInput, SchemaOutput, StandardSchema } from "@millrace/model"

/** What a schema takes: what callers send, or what code gives to be checked. Without a schema, anything. */
export type TakenBy<S> = S extends StandardSchema ? SchemaInput<S> : unknown

/** What a schema makes of it. Without a schema, anything. */
export type MadeBy<S> = S extends StandardSchema ? SchemaOutput<S> : unknown

/** What a caller gets: what the schema of the output makes, or else what the code gave. */
export type ResultOf<O, R> = O extends StandardSchema ? SchemaOutput<O> : R
