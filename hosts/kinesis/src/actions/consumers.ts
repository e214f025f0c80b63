/** Consumers with a share of their own (enhanced fan-out): register, deregister, describe, list. */
import { account, type KinesisConsumer, secondOf, streamArn } from "@millrace/model"
import { Instant } from "../answer-values.ts"
import type { Api } from "../api.ts"
import { consumerArn, consumerOfArn, streamOfArn } from "../arn.ts"
import type { KinesisStream } from "../catalog.ts"
import { KinesisFailure } from "../failure.ts"
import { pageOf, tokenOf } from "../page-token.ts"
import { tagsOf } from "../tags.ts"

interface RegisterInput {
  readonly StreamARN: string
  readonly ConsumerName: string
  readonly Tags?: ReadonlyMap<string, string>
}

interface NamingInput {
  readonly StreamARN?: string
  readonly ConsumerName?: string
  readonly ConsumerARN?: string
}

interface ListInput {
  readonly StreamARN: string
  readonly NextToken?: string
  readonly MaxResults?: number
}

const consumersMost = 20
const pageMost = 100

export async function registerStreamConsumer(input: RegisterInput, api: Api): Promise<object> {
  const { ConsumerName: name, Tags: tags } = input
  const stream = streamOfArn(input.StreamARN)
  const consumer: KinesisConsumer = { name, created: api.clock.now(), tags: tags === undefined ? {} : tagsOf({}, tags) }
  await api.catalog.get(stream)
  await api.catalog.change(stream, ({ facts }) => {
    if (facts.consumers.some((each) => each.name === name)) {
      throw new KinesisFailure(
        "ResourceInUseException",
        `Consumer ${name} under stream ${stream} already exists for account ${account}.`,
      )
    }
    if (facts.consumers.length >= consumersMost) {
      throw new KinesisFailure(
        "LimitExceededException",
        `Rate exceeded: stream ${stream} has ${consumersMost} consumers, the most that it may have.`,
      )
    }
    return { ...facts, consumers: [...facts.consumers, consumer] }
  })
  return { Consumer: { ...shown(consumer, stream, api), ConsumerStatus: "CREATING" } }
}

export async function deregisterStreamConsumer(input: NamingInput, api: Api): Promise<undefined> {
  const { stream, consumer } = await consumerOf(input, api)
  await api.catalog.change(stream.name, ({ facts }) => ({
    ...facts,
    consumers: facts.consumers.filter(({ name }) => name !== consumer.name),
  }))
  return undefined
}

export async function describeStreamConsumer(input: NamingInput, api: Api): Promise<object> {
  const { stream, consumer } = await consumerOf(input, api)
  return {
    ConsumerDescription: { ...shown(consumer, stream.name, api), StreamARN: streamArn(api.region, stream.name) },
  }
}

export async function listStreamConsumers(input: ListInput, api: Api): Promise<object> {
  const now = api.clock.now()
  const stream = await api.catalog.get(streamOfArn(input.StreamARN))
  const after = input.NextToken === undefined ? "" : pageOf(input.NextToken, now).after
  const rest = stream.facts.consumers.filter(({ name }) => name > after).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const page = rest.slice(0, input.MaxResults ?? pageMost)
  return {
    Consumers: page.map((consumer) => shown(consumer, stream.name, api)),
    ...(rest.length > page.length
      ? { NextToken: tokenOf({ stream: stream.name, after: page.at(-1)?.name ?? "" }, now) }
      : {}),
  }
}

/**
 * The consumer that an input names, by its ARN or by its stream and name.
 *
 * @throws KinesisFailure ResourceNotFoundException, InvalidArgumentException
 */
export async function consumerOf(
  input: NamingInput,
  api: Api,
): Promise<{ readonly stream: KinesisStream; readonly consumer: KinesisConsumer }> {
  const { ConsumerARN: arn, StreamARN: streamArnGiven, ConsumerName: nameGiven } = input
  const named = arn === undefined ? undefined : consumerOfArn(arn)
  const name = named?.name ?? nameGiven
  const of = arn ?? streamArnGiven
  if (of === undefined || name === undefined) {
    throw new KinesisFailure(
      "InvalidArgumentException",
      "Either ConsumerARN or both StreamARN and ConsumerName must be provided.",
    )
  }
  const stream = await api.catalog.get(streamOfArn(of))
  const consumer = stream.facts.consumers.find((each) => each.name === name)
  if (consumer !== undefined && (named === undefined || named.second === secondOf(consumer.created)))
    return { stream, consumer }
  throw new KinesisFailure(
    "ResourceNotFoundException",
    `Consumer ${name} under stream ${stream.name} not found for account ${account}.`,
  )
}

function shown({ name, created }: KinesisConsumer, stream: string, { region }: Api): object {
  return {
    ConsumerName: name,
    ConsumerARN: consumerArn(region, stream, name, secondOf(created)),
    ConsumerStatus: "ACTIVE",
    ConsumerCreationTimestamp: new Instant(created),
  }
}
