/**
 * The event source mappings of the API of Lambda: those that services define are shown, paused and resumed; others can be made, changed and removed besides.
 */
import { type FailureDestination, type MappingPlan, isMillraceError, streamArn } from "@millrace/model"
import type { MountedRequest, MountedResponse } from "../mount.ts"
import { arnOf } from "./configuration.ts"
import type { GatewayFunctions } from "./functions.ts"
import { json } from "./lambda-answer.ts"
import type { GatewayMappings, MappingChange, MappingStand } from "./mappings.ts"
import { Refusal } from "./refusal.ts"

export const mappingsBase = "/2015-03-31/event-source-mappings"

interface Parts {
  readonly functions: GatewayFunctions
  readonly mappings: GatewayMappings
}

interface About {
  readonly region: string
  readonly requestId: string
}

/** What a mapping reads: a stream, or the stream of a consumer that is registered with it. */
interface Source {
  readonly stream: string
  /** Undefined: the stream itself. */
  readonly consumer: { readonly arn: string; readonly name: string; readonly second: number } | undefined
}

/** What a request may say, in AWS's names. */
interface Given {
  readonly EventSourceArn?: unknown
  readonly FunctionName?: unknown
  readonly Enabled?: unknown
  readonly [more: string]: unknown
}

const pageMappings = 100

/** @throws Refusal */
export async function eventSourceMappings(parts: Parts, { method, url }: Pick<MountedRequest, "method" | "url">, body: Uint8Array, about: About): Promise<MountedResponse> {
  const { mappings } = parts
  const [path = "", query = ""] = url.split("?", 2)
  const [uuid = "", ...rest] = path.slice(mappingsBase.length + 1).split("/")
  if (rest.length > 0) throw notFound()
  if (uuid === "") {
    if (method === "GET") return json(200, listOf(parts, new URLSearchParams(query), about), about.requestId)
    if (method === "POST") return made(parts, givenOf(body), about)
    throw notFound()
  }
  const stand = mappings.status().find((each) => each.uuid === uuid)
  if (stand === undefined) throw notFound()
  if (method === "GET") return json(200, shown(stand, about), about.requestId)
  if (method === "PUT") return changed(parts, stand, givenOf(body), about)
  if (method !== "DELETE") throw notFound()
  if (stand.isDefined) {
    throw invalid(`Event source mapping ${uuid} stands in a service of this node, with the function's code: leave out its "on" there, or pause it with Enabled: false.`)
  }
  return json(202, { ...shown(await mappings.remove(uuid), about), State: "Deleting" }, about.requestId)
}

function listOf({ mappings }: Parts, query: URLSearchParams, about: About): object {
  const named = query.get("FunctionName") ?? undefined
  const given = query.get("EventSourceArn") ?? undefined
  const source = given === undefined ? undefined : sourceOf(given)
  const name = named === undefined ? undefined : nameOf(named)
  const all = mappings.status().filter((each) => (name === undefined || each.function === name) && (given === undefined || (source !== undefined && reads(each, source))))
  const from = Math.max(0, Number(query.get("Marker") ?? 0) || 0)
  const most = Math.min(pageMappings, Math.max(1, Number(query.get("MaxItems") ?? pageMappings) || pageMappings))
  const next = from + most < all.length ? { NextMarker: String(from + most) } : {}
  return { EventSourceMappings: all.slice(from, from + most).map((stand) => shown(stand, about)), ...next }
}

async function made({ functions, mappings }: Parts, given: Given, about: About): Promise<MountedResponse> {
  const { EventSourceArn: arn, FunctionName: named, StartingPosition: at } = given
  if (typeof arn !== "string") throw invalid("Unrecognized event source.")
  const source = sourceOf(arn)
  if (source === undefined) throw invalid("Unrecognized event source, must be a stream of Kinesis or a consumer of one: queues and tables are none here.")
  const { stream, consumer } = source
  const name = typeof named === "string" ? nameOf(named) : undefined
  if (name === undefined || functions.find(name) === undefined) throw invalid("Function does not exist")
  if (at === undefined || at === null) throw invalid("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.")
  if (!mappings.hasStream(stream)) throw invalid(`Stream not found: ${arn}`)
  if (consumer !== undefined && !mappings.hasConsumer(stream, consumer.name, consumer.second)) throw invalid(`Stream consumer not found: ${arn}`)
  const other = mappings.status().find((each) => each.function === name && reads(each, source))
  if (other !== undefined) {
    const message = `The event source arn (" ${arn} ") and function (" ${name} ") provided mapping already exists. Please update or delete the existing mapping with UUID ${other.uuid}`
    throw new Refusal(409, "ResourceConflictException", message)
  }
  const stand = await valid(() => mappings.make(name, { ...changeOf(given), stream, ...startingOf(given) }, consumer?.arn))
  return json(202, { ...shown(stand, about), State: "Creating" }, about.requestId)
}

async function changed({ functions, mappings }: Parts, stand: MappingStand, given: Given, about: About): Promise<MountedResponse> {
  const { FunctionName: named, Enabled: enabled, ...rest } = given
  if (enabled !== undefined && enabled !== null && typeof enabled !== "boolean") throw invalid("Enabled is neither true nor false.")
  if (typeof named === "string" && nameOf(named) !== stand.function) {
    if (functions.find(nameOf(named) ?? "") === undefined) throw invalid("Function does not exist")
    throw invalid("A mapping keeps its function here: make another one for another function.")
  }
  const others = Object.entries(rest).filter(([, value]) => value !== undefined && value !== null)
  if (stand.isDefined && others.length > 0) {
    throw invalid(`Event source mapping ${stand.uuid} stands in a service of this node, with the function's code; only Enabled can be changed here, not ${others.map(([key]) => key).join(", ")}.`)
  }
  const next = others.length === 0 ? await mappings.enable(stand.uuid, enabled ?? stand.plan.enabled) : await valid(() => mappings.change(stand.uuid, (plan) => ({ ...optionsOf(plan), ...changeOf(given) })))
  const State = enabled === undefined || enabled === null || enabled === stand.plan.enabled ? "Updating" : enabled ? "Enabling" : "Disabling"
  return json(202, { ...shown(next, about), State }, about.requestId)
}

/** What is given, in the node's own names; what is not given is left out. @throws Refusal */
function changeOf(given: Given): Readonly<Record<string, unknown>> {
  const named: Record<string, unknown> = {}
  const foreign = foreigns.find((key) => given[key] !== undefined && given[key] !== null && !(Array.isArray(given[key]) && given[key].length === 0))
  if (foreign !== undefined) throw invalid(`${foreign}: Unsupported parameter for given event source mapping type.`)
  for (const [key, name, factor] of numbers) {
    const value = given[key]
    if (value === undefined || value === null) continue
    if (typeof value !== "number") throw invalid(`${key} is not a number.`)
    named[name] = value === -1 ? -1 : value * factor
  }
  for (const [key, name] of [["BisectBatchOnFunctionError", "bisectBatchOnFunctionError"], ["FunctionResponseTypes", "functionResponseTypes"], ["Enabled", "enabled"]] as const) {
    if (given[key] !== undefined && given[key] !== null) named[name] = given[key]
  }
  const { FilterCriteria: criteria, DestinationConfig: destinations } = given as { FilterCriteria?: { Filters?: unknown } | null; DestinationConfig?: { OnFailure?: { Destination?: unknown } | null } | null }
  if (criteria !== undefined && criteria !== null) {
    const { Filters: filters = [] } = criteria
    if (!Array.isArray(filters)) throw invalid("FilterCriteria, Filters: give a list.")
    named["filters"] = filters.map((filter: { readonly Pattern?: unknown } | null) => (typeof filter?.Pattern === "string" ? filter.Pattern : ""))
  }
  if (destinations !== undefined && destinations !== null) {
    const to = destinations.OnFailure?.Destination
    named["onFailure"] = to === undefined || to === null || to === "" ? undefined : outsideOf(to)
  }
  return named
}

/** What is said of other sources than streams of Kinesis. */
const foreigns = [
  "AmazonManagedKafkaEventSourceConfig",
  "DocumentDBEventSourceConfig",
  "ProvisionedPollerConfig",
  "Queues",
  "ScalingConfig",
  "SelfManagedEventSource",
  "SelfManagedKafkaEventSourceConfig",
  "SourceAccessConfigurations",
  "Topics",
] as const

const numbers = [
  ["BatchSize", "batchSize", 1],
  ["MaximumBatchingWindowInSeconds", "maximumBatchingWindow", 1_000],
  ["ParallelizationFactor", "parallelizationFactor", 1],
  ["MaximumRetryAttempts", "maximumRetryAttempts", 1],
  ["MaximumRecordAgeInSeconds", "maximumRecordAge", 1_000],
  ["TumblingWindowInSeconds", "tumblingWindow", 1_000],
] as const

function startingOf({ StartingPosition: startingPosition, StartingPositionTimestamp: at }: Given): object {
  if (at === undefined || at === null) return { startingPosition }
  return { startingPosition, startingPositionTimestamp: typeof at === "number" ? new Date(at * 1_000) : at }
}

function outsideOf(to: unknown): object {
  if (typeof to === "string") {
    const [, service, rest = ""] = /^arn:aws[\w-]*:(s3|sqs|sns):(.*)$/.exec(to) ?? []
    if (service === "s3" && rest.startsWith("::")) return { s3: `s3://${rest.slice(2)}` }
    if (service === "sqs" || service === "sns") return { [service]: to }
  }
  throw invalid(`The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination=${String(to)})) is not supported: give the ARN of a bucket, a queue or a topic.`)
}

/** A plan as options, so that what is not given stays. */
function optionsOf(plan: MappingPlan): MappingChange {
  const { stream, batchSize, batchingWindowMs, parallelizationFactor, startingPosition, maximumRetryAttempts, maximumRecordAgeMs, bisectBatchOnFunctionError, reportBatchItemFailures, tumblingWindowMs, filters, onFailure, enabled } = plan
  return {
    stream,
    batchSize,
    maximumBatchingWindow: batchingWindowMs,
    parallelizationFactor,
    startingPosition: startingPosition.kind,
    ...(startingPosition.kind === "AT_TIMESTAMP" ? { startingPositionTimestamp: new Date(startingPosition.at) } : {}),
    maximumRetryAttempts,
    maximumRecordAge: maximumRecordAgeMs,
    bisectBatchOnFunctionError,
    functionResponseTypes: reportBatchItemFailures ? ["ReportBatchItemFailures"] : [],
    tumblingWindow: tumblingWindowMs,
    filters,
    ...(onFailure === null || onFailure.kind === "stream" ? {} : { onFailure: { [onFailure.kind]: onFailure.to } }),
    enabled,
  }
}

function shown({ uuid, function: name, stream, consumer, state, plan, changedAt = 0, isFailing, figures, error }: MappingStand, { region }: About): object {
  const { startingPosition: at, onFailure } = plan
  return {
    UUID: uuid,
    StartingPosition: at.kind,
    ...(at.kind === "AT_TIMESTAMP" ? { StartingPositionTimestamp: at.at / 1_000 } : {}),
    BatchSize: plan.batchSize,
    MaximumBatchingWindowInSeconds: plan.batchingWindowMs / 1_000,
    ParallelizationFactor: plan.parallelizationFactor,
    EventSourceArn: consumer ?? streamArn(region, stream),
    EventSourceMappingArn: arnOf(region, uuid).replace(":function:", ":event-source-mapping:"),
    FunctionArn: arnOf(region, name),
    LastModified: changedAt / 1_000,
    LastProcessingResult: state === "Resting" && error?.code === "MR1031" ? "PROBLEM: Function not found" : isFailing ? "PROBLEM: Function call failed" : figures.invoked === 0 ? "No records processed" : "OK",
    // What waits for its stream or its function goes on by itself once that is there.
    State: state === "Waiting" || state === "Resting" ? "Enabling" : state,
    StateTransitionReason: error?.message ?? "User action",
    DestinationConfig: { OnFailure: onFailure === null ? {} : { Destination: destinationArn(onFailure, region) } },
    FilterCriteria: plan.filters.length === 0 ? undefined : { Filters: plan.filters.map((Pattern) => ({ Pattern })) },
    MaximumRecordAgeInSeconds: plan.maximumRecordAgeMs < 0 ? -1 : plan.maximumRecordAgeMs / 1_000,
    BisectBatchOnFunctionError: plan.bisectBatchOnFunctionError,
    MaximumRetryAttempts: plan.maximumRetryAttempts,
    TumblingWindowInSeconds: plan.tumblingWindowMs / 1_000,
    FunctionResponseTypes: plan.reportBatchItemFailures ? ["ReportBatchItemFailures"] : [],
  }
}

/** A stream of the node is shown as one of Kinesis, which it is. */
function destinationArn(to: FailureDestination, region: string): string {
  if (to.kind === "stream") return streamArn(region, to.stream)
  return to.kind === "s3" ? `arn:aws:s3:::${to.to.slice("s3://".length).split("?")[0]}` : to.to
}

function nameOf(given: string): string | undefined {
  return /^(?:(?:arn:aws[\w-]*:lambda:[\w-]*:)?\d{12}:function:)?([A-Za-z0-9_-]{1,64})(?::\$LATEST)?$/.exec(given)?.[1]
}

/** What an ARN names; undefined: neither a stream nor a consumer of one. */
function sourceOf(arn: string): Source | undefined {
  const [, stream, name, second] = /^arn:aws[\w-]*:kinesis:[\w-]*:\d{12}:stream\/([\w.-]+)(?:\/consumer\/([\w.-]+):(\d+))?$/.exec(arn) ?? []
  if (stream === undefined) return undefined
  return { stream, consumer: name === undefined ? undefined : { arn, name, second: Number(second) } }
}

/** As on AWS each consumer of a stream is a source of its own, beside the stream itself. */
function reads({ stream, consumer }: MappingStand, source: Source): boolean {
  const own = consumer === undefined ? undefined : sourceOf(consumer)?.consumer
  return stream === source.stream && own?.name === source.consumer?.name && own?.second === source.consumer?.second
}

/** @throws Refusal InvalidParameterValueException */
function givenOf(body: Uint8Array): Given {
  if (body.length === 0) return {}
  try {
    const given: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8"))
    if (typeof given === "object" && given !== null && !Array.isArray(given)) return given as Given
  } catch {
    // Told below.
  }
  throw new Refusal(400, "SerializationException", "The body is not an object of JSON.")
}

/** What an option that is not valid is to clients of AWS. */
async function valid(act: () => Promise<MappingStand>): Promise<MappingStand> {
  try {
    return await act()
  } catch (error) {
    if (isMillraceError(error) && error.code === "MR1101") throw invalid(error.message.replace(/^function "of-the-api", on(?:, |: )/, ""))
    if (isMillraceError(error) && error.code === "MR1031") throw notFound()
    throw error
  }
}

function invalid(message: string): Refusal {
  return new Refusal(400, "InvalidParameterValueException", message)
}

function notFound(): Refusal {
  return new Refusal(404, "ResourceNotFoundException", "The resource you requested does not exist.")
}
