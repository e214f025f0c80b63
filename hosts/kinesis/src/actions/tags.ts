/** Tags of streams, and of streams and consumers as resources. */
import type { StreamFacts } from "@millrace/model"
import { type Api, type StreamNaming, nameOf } from "../api.ts"
import { consumerOfArn, streamOfArn } from "../arn.ts"
import { tagsOf, tagsWithout } from "../tags.ts"
import { consumerOf } from "./consumers.ts"

interface AddTagsInput extends StreamNaming {
  readonly Tags: ReadonlyMap<string, string>
}

interface RemoveTagsInput extends StreamNaming {
  readonly TagKeys: readonly string[]
}

interface ListTagsInput extends StreamNaming {
  readonly ExclusiveStartTagKey?: string
  readonly Limit?: number
}

interface ResourceInput {
  readonly ResourceARN: string
}

type Tags = Readonly<Record<string, string>>

export async function addTagsToStream(input: AddTagsInput, api: Api): Promise<undefined> {
  const name = nameOf(input)
  await api.catalog.get(name)
  await api.catalog.change(name, ({ facts }) => ({ ...facts, tags: tagsOf(facts.tags, input.Tags) }))
  return undefined
}

export async function removeTagsFromStream(input: RemoveTagsInput, api: Api): Promise<undefined> {
  const name = nameOf(input)
  await api.catalog.get(name)
  await api.catalog.change(name, ({ facts }) => ({ ...facts, tags: tagsWithout(facts.tags, input.TagKeys) }))
  return undefined
}

export async function listTagsForStream(input: ListTagsInput, api: Api): Promise<object> {
  const { facts } = await api.catalog.get(nameOf(input))
  const after = input.ExclusiveStartTagKey ?? ""
  const tags = shown(facts.tags).filter(({ Key: key }) => key > after)
  const page = tags.slice(0, input.Limit ?? tags.length)
  return { Tags: page, HasMoreTags: tags.length > page.length }
}

export function tagResource(
  input: ResourceInput & { readonly Tags: ReadonlyMap<string, string> },
  api: Api,
): Promise<undefined> {
  return changeTags(input, api, (tags) => tagsOf(tags, input.Tags))
}

export function untagResource(
  input: ResourceInput & { readonly TagKeys: readonly string[] },
  api: Api,
): Promise<undefined> {
  return changeTags(input, api, (tags) => tagsWithout(tags, input.TagKeys))
}

export async function listTagsForResource({ ResourceARN: arn }: ResourceInput, api: Api): Promise<object> {
  if (consumerOfArn(arn) !== undefined) {
    const { consumer } = await consumerOf({ ConsumerARN: arn }, api)
    return { Tags: shown(consumer.tags) }
  }
  const { facts } = await api.catalog.get(streamOfArn(arn))
  return { Tags: shown(facts.tags) }
}

async function changeTags(
  { ResourceARN: arn }: ResourceInput,
  api: Api,
  act: (tags: Tags) => Tags,
): Promise<undefined> {
  if (consumerOfArn(arn) === undefined) {
    const name = streamOfArn(arn)
    await api.catalog.get(name)
    await api.catalog.change(name, ({ facts }): StreamFacts => ({ ...facts, tags: act(facts.tags) }))
    return undefined
  }
  const { stream, consumer } = await consumerOf({ ConsumerARN: arn }, api)
  await api.catalog.change(stream.name, ({ facts }): StreamFacts => {
    const consumers = facts.consumers.map((each) =>
      each.name === consumer.name ? { ...each, tags: act(each.tags) } : each,
    )
    return { ...facts, consumers }
  })
  return undefined
}

/** In the order of their keys. */
function shown(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([Key, Value]) => ({ Key, Value }))
}
