/** Resource policies: kept and shown as they were given. A node's clients are all of one account, so nothing reads them. */
import type { Api } from "../api.ts"
import { consumerOfArn, streamOfArn } from "../arn.ts"
import { KinesisFailure } from "../failure.ts"
import { consumerOf } from "./consumers.ts"

interface ResourceInput {
  readonly ResourceARN: string
}

/** Longest policy, in characters. */
const policyLengthMost = 20_480

export async function putResourcePolicy(
  input: ResourceInput & { readonly Policy: string },
  api: Api,
): Promise<undefined> {
  const { Policy: policy } = input
  if (!isObject(policy) || policy.length > policyLengthMost) {
    throw new KinesisFailure(
      "InvalidArgumentException",
      `The policy is not valid: it is a JSON object of at most ${policyLengthMost} characters.`,
    )
  }
  const { stream, of } = await placeOf(input, api)
  await api.catalog.change(stream, ({ facts }) => ({ ...facts, policies: { ...facts.policies, [of]: policy } }))
  return undefined
}

export async function getResourcePolicy(input: ResourceInput, api: Api): Promise<object> {
  const { stream, of } = await placeOf(input, api)
  const { facts } = await api.catalog.get(stream)
  return { Policy: facts.policies?.[of] ?? "{}" }
}

export async function deleteResourcePolicy(input: ResourceInput, api: Api): Promise<undefined> {
  const { stream, of } = await placeOf(input, api)
  await api.catalog.change(stream, ({ facts }) => {
    const { [of]: removed, ...policies } = facts.policies ?? {}
    if (removed !== undefined) return { ...facts, policies }
    throw new KinesisFailure(
      "ResourceNotFoundException",
      `No resource policy found for resource ARN ${input.ResourceARN}.`,
    )
  })
  return undefined
}

async function placeOf(
  { ResourceARN: arn }: ResourceInput,
  api: Api,
): Promise<{ readonly stream: string; readonly of: string }> {
  if (consumerOfArn(arn) === undefined) return { stream: (await api.catalog.get(streamOfArn(arn))).name, of: "" }
  const { stream, consumer } = await consumerOf({ ConsumerARN: arn }, api)
  return { stream: stream.name, of: consumer.name }
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
