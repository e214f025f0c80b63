/** Tags of streams and consumers. */
import { KinesisFailure } from "./failure.ts"

type Tags = Readonly<Record<string, string>>

const tagsMost = 50

/** @throws KinesisFailure LimitExceededException, InvalidArgumentException */
export function tagsOf(before: Tags, added: ReadonlyMap<string, string>): Tags {
  for (const [key, value] of added) {
    if (key.startsWith("aws:"))
      throw new KinesisFailure("InvalidArgumentException", "Tag keys that begin with aws: are AWS's own.")
    for (const text of [key, value]) {
      if (!/^[\p{L}\p{Z}\p{N}_.:/=+\-@%]*$/u.test(text)) {
        throw new KinesisFailure(
          "InvalidArgumentException",
          "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.",
        )
      }
    }
  }
  const tags = new Map([...Object.entries(before), ...added])
  if (tags.size > tagsMost) {
    throw new KinesisFailure(
      "InvalidArgumentException",
      `Failed to add tags: a given stream cannot have more than ${tagsMost} tags associated with it.`,
    )
  }
  return Object.fromEntries(tags)
}

export function tagsWithout(before: Tags, removed: readonly string[]): Tags {
  return Object.fromEntries(Object.entries(before).filter(([key]) => !removed.includes(key)))
}
