/** Which media types bring records, and in which form each holds them. */

/** How a request body holds its records. */
export type BodyFormat = "json" | "ndjson" | "cloudevent" | "cloudevents"

/** Media type by format, in the order in which they are listed to people. */
export const mediaTypes: Readonly<Record<BodyFormat, string>> = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  cloudevent: "application/cloudevents+json",
  cloudevents: "application/cloudevents-batch+json",
}

const formats: ReadonlyMap<string, BodyFormat> = new Map(
  Object.entries(mediaTypes).map(([format, type]) => [type, format as BodyFormat]),
)

/**
 * The format that a `Content-Type` header names; undefined when it is none of {@link mediaTypes} or asks for another
 * charset than UTF-8, the only one of JSON (RFC 8259).
 */
export function bodyFormat(contentType: string | undefined): BodyFormat | undefined {
  if (contentType === undefined) return undefined
  const plain = formats.get(contentType)
  if (plain !== undefined) return plain
  const [type = "", ...parameters] = contentType.split(";")
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=", 2)
    if (name.trim().toLowerCase() === "charset" && !/^"?utf-?8"?$/i.test(value.trim())) return undefined
  }
  return formats.get(type.trim().toLowerCase())
}
