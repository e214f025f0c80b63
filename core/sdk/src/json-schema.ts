/**
 * The JSON Schema of what a schema takes, where its library can tell (Standard JSON Schema: zod from 4.2, arktype,
 * valibot through its adapter). Where it cannot, there is none: OpenAPI then says only that the record is JSON.
 */
import type { StandardSchema } from "@millrace/model"

interface JsonSchemaSource {
  readonly input?: (options: {
    readonly target: string
    readonly libraryOptions?: Readonly<Record<string, unknown>>
  }) => unknown
}

export function jsonSchemaOf(schema: StandardSchema | undefined): unknown {
  const source = (schema?.["~standard"] as { readonly jsonSchema?: JsonSchemaSource } | undefined)?.jsonSchema
  try {
    // `unrepresentable` is zod's: a coerced date becomes "anything" instead of failing the whole schema.
    return source?.input?.({ target: "draft-2020-12", libraryOptions: { unrepresentable: "any" } })
  } catch {
    return undefined
  }
}
