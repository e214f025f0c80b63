/** The partition key of a stored record, as its reader sees it: the one that its sender gave. */
export function partitionKeyOf(key: string, headers: string): string {
  // A stream without keys has records without one, and Kinesis has none such.
  return givenKey(headers) ?? (key === "" ? "-" : key)
}

/** The key under which the sender put the record, where the stream's own key is another. */
function givenKey(headers: string): string | undefined {
  if (headers === "") return undefined
  const key = (JSON.parse(headers) as { readonly partitionkey?: unknown }).partitionkey
  return typeof key === "string" ? key : undefined
}
