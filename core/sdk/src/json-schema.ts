/**
 * The JSON Schema of what a schema takes, or of what it gives, where its library can tell (Standard JSON Schema: zod from 4.2, arktype,
 * valibot through its adapter). Where it cannot, there is none: OpenAPI then says only that the record is JSON.
 */
import type { StandardSchema } from "@millrace/model"

type Converter = (options: { readonly target: string; readonly libraryOptions?: Readonly<Record<string, unknown>> }) => unknown

interface JsonSchemaSource {
  readonly input?: Converter
  readonly output?: Converter
}

/** @param side - `input`: what it takes; `output`: what it gives */
export function jsonSchemaOf(schema: StandardSchema | undefined, side: "input" | "output" = "input"): unknown {
  const source = (schema?.["~standard"] as { readonly jsonSchema?: JsonSchemaSource } | undefined)?.jsonSchema
  try {
    // `unrepresentable` is zod's: a coerced date becomes "anything" instead of failing the whole schema.
    return source?.[side]?.({ target: "draft-2020-12", libraryOptions: { unrepresentable: "any" } })
  } catch {
    return undefined
  }
}
