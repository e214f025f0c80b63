/**
 * Settings of a stream: retention, mode, monitoring, encryption, record size, throughput; and of the account. Retention and
 * record size do what they say; the others are kept and shown, for the tools that set them.
 */
import { account, streamArn, type StreamFacts } from "@millrace/model"
import { type Api, type StreamNaming, nameOf } from "../api.ts"
import { ofService } from "../catalog.ts"
import { KinesisFailure } from "../failure.ts"

interface RetentionInput extends StreamNaming {
  readonly RetentionPeriodHours: number
}

interface MonitoringInput extends StreamNaming {
  readonly ShardLevelMetrics: readonly string[]
}

interface EncryptionInput extends StreamNaming {
  readonly EncryptionType: "NONE" | "KMS"
  readonly KeyId: string
}

interface ModeInput {
  readonly StreamARN: string
  readonly StreamModeDetails: { readonly StreamMode: StreamFacts["mode"] }
  readonly WarmThroughputMiBps?: number
}

const retentionHoursMin = 24
const retentionHoursMax = 8_760
const metricNames = [
  "IncomingBytes",
  "IncomingRecords",
  "OutgoingBytes",
  "OutgoingRecords",
  "WriteProvisionedThroughputExceeded",
  "ReadProvisionedThroughputExceeded",
  "IteratorAgeMilliseconds",
]

export function increaseStreamRetentionPeriod(input: RetentionInput, api: Api): Promise<undefined> {
  return changeRetention(input, api, (hours, before) =>
    hours < before
      ? `Requested retention period (${hours} hours) for stream ${nameOf(input)} can not be shorter than existing retention period (${before} hours). Use DecreaseRetentionPeriod API.`
      : undefined,
  )
}

export function decreaseStreamRetentionPeriod(input: RetentionInput, api: Api): Promise<undefined> {
  return changeRetention(input, api, (hours, before) =>
    hours > before
      ? `Requested retention period (${hours} hours) for stream ${nameOf(input)} can not be longer than existing retention period (${before} hours). Use IncreaseRetentionPeriod API.`
      : undefined,
  )
}

async function changeRetention(
  input: RetentionInput,
  api: Api,
  faultOf: (hours: number, before: number) => string | undefined,
): Promise<undefined> {
  const name = nameOf(input)
  const { RetentionPeriodHours: hours } = input
  await api.catalog.get(name)
  await api.catalog.change(name, ({ facts, plan }) => {
    // As AWS does: first whether any stream may have it.
    const fault = outOfBounds(hours) ?? faultOf(hours, facts.retentionHours)
    if (fault !== undefined) throw new KinesisFailure("InvalidArgumentException", fault)
    if (plan.format !== "bytes") throw ofService(name)
    return { ...facts, retentionHours: hours }
  })
  return undefined
}

function outOfBounds(hours: number): string | undefined {
  if (hours < retentionHoursMin) {
    return `Minimum allowed retention period is ${retentionHoursMin} hours. Requested retention period (${hours} hours) is too short.`
  }
  return hours > retentionHoursMax
    ? `Maximum allowed retention period is ${retentionHoursMax} hours. Requested retention period (${hours} hours) is too long.`
    : undefined
}

export function enableEnhancedMonitoring(input: MonitoringInput, api: Api): Promise<object> {
  return changeMonitoring(input, api, (current, named) =>
    metricNames.filter((name) => current.includes(name) || named.includes(name)),
  )
}

export function disableEnhancedMonitoring(input: MonitoringInput, api: Api): Promise<object> {
  return changeMonitoring(input, api, (current, named) => current.filter((name) => !named.includes(name)))
}

async function changeMonitoring(
  input: MonitoringInput,
  api: Api,
  act: (current: readonly string[], named: readonly string[]) => readonly string[],
): Promise<object> {
  const name = nameOf(input)
  const named = input.ShardLevelMetrics.includes("ALL") ? metricNames : input.ShardLevelMetrics
  const { facts: before } = await api.catalog.get(name)
  await api.catalog.change(name, ({ facts }) => ({ ...facts, metrics: act(facts.metrics, named) }))
  return {
    StreamName: name,
    StreamARN: streamArn(api.region, name),
    CurrentShardLevelMetrics: before.metrics,
    DesiredShardLevelMetrics: act(before.metrics, named),
  }
}

export async function startStreamEncryption(input: EncryptionInput, api: Api): Promise<undefined> {
  const name = nameOf(input)
  await api.catalog.get(name)
  await api.catalog.change(name, ({ facts }) => ({ ...facts, encryptionKey: input.KeyId }))
  return undefined
}

export async function stopStreamEncryption(input: EncryptionInput, api: Api): Promise<undefined> {
  const name = nameOf(input)
  await api.catalog.get(name)
  await api.catalog.change(name, ({ facts }) => {
    const { encryptionKey, ...others } = facts
    return encryptionKey === undefined ? facts : others
  })
  return undefined
}

export async function updateStreamMode(input: ModeInput, api: Api): Promise<undefined> {
  const name = nameOf(input)
  const { WarmThroughputMiBps: warmMiBps } = input
  await api.catalog.get(name)
  await api.catalog.change(name, ({ facts }) => ({
    ...facts,
    mode: input.StreamModeDetails.StreamMode,
    ...(warmMiBps === undefined ? {} : { warmMiBps }),
  }))
  return undefined
}

export async function updateMaxRecordSize(
  input: StreamNaming & { readonly MaxRecordSizeInKiB: number },
  api: Api,
): Promise<undefined> {
  const name = nameOf(input)
  await api.catalog.get(name)
  await api.catalog.change(name, ({ facts }) => ({ ...facts, recordKiB: input.MaxRecordSizeInKiB }))
  return undefined
}

export async function updateStreamWarmThroughput(
  input: StreamNaming & { readonly WarmThroughputMiBps: number },
  api: Api,
): Promise<object> {
  const name = nameOf(input)
  const { WarmThroughputMiBps: target } = input
  const { facts: before } = await api.catalog.get(name)
  await api.catalog.change(name, ({ facts }) => ({ ...facts, warmMiBps: target }))
  return {
    StreamName: name,
    StreamARN: streamArn(api.region, name),
    WarmThroughput: { TargetMiBps: target, CurrentMiBps: before.warmMiBps ?? 0 },
  }
}

export async function describeAccountSettings(): Promise<object> {
  return { MinimumThroughputBillingCommitment: { Status: "DISABLED" } }
}

export async function updateAccountSettings(input: {
  readonly MinimumThroughputBillingCommitment: { readonly Status: "ENABLED" | "DISABLED" }
}): Promise<object> {
  if (input.MinimumThroughputBillingCommitment.Status === "DISABLED") return describeAccountSettings()
  throw new KinesisFailure(
    "InvalidArgumentException",
    `Nothing is billed to account ${account}, so there is nothing to commit to.`,
  )
}
