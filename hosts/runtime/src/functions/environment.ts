/**
 * The environment variables of a function: those that Lambda sets, those of the node that matter to clients of AWS, and the
 * function's own. Nothing else of the node's environment gets in: its keys are not the function's.
 */
import { basename, dirname, extname } from "node:path"
import type { FunctionPlan } from "@millrace/model"

/** What a node knows that its functions should know too. */
export interface Surroundings {
  /** The node's environment. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the node answers; undefined until it listens. */
  readonly url: string | undefined
  /** The base address of the S3 that the node's own sinks use, where that is not AWS. */
  readonly s3Endpoint: string | undefined
  /** A key of the node's Kinesis API with its secret. */
  readonly credentials: readonly [key: string, secret: string] | undefined
}

/** Variables of the node that functions get as they are, besides `AWS_…`. */
const passed = ["HOME", "HTTP_PROXY", "HTTPS_PROXY", "LANG", "LD_LIBRARY_PATH", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "PATH", "TMPDIR", "http_proxy", "https_proxy", "no_proxy"]

/** A region of its own, where the node's environment names none. */
export function regionOf(env: Surroundings["env"]): string {
  return env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1"
}

export function environmentOf(plan: FunctionPlan, file: string, logStream: string, { env, url, s3Endpoint, credentials }: Surroundings): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && (name.startsWith("AWS_") || passed.includes(name))) given[name] = value
  }
  const region = regionOf(env)
  const handler = plan.source.kind === "module" ? plan.source.handler : "handler"
  const all: Record<string, string | undefined> = {
    ...keysOf(env, credentials),
    ...(s3Endpoint === undefined ? {} : { AWS_ENDPOINT_URL_S3: s3Endpoint }),
    ...given,
    TZ: ":UTC",
    LANG: given["LANG"] ?? "en_US.UTF-8",
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split(".")[0]}.x`,
    AWS_LAMBDA_FUNCTION_NAME: plan.name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(plan.memoryMegabytes),
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupOf(plan.name),
    AWS_LAMBDA_LOG_STREAM_NAME: logStream,
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    _HANDLER: `${basename(file, extname(file))}.${handler}`,
    LAMBDA_TASK_ROOT: dirname(file),
    // An unmodified client of Kinesis or Lambda inside the handler reaches this node.
    AWS_ENDPOINT_URL_KINESIS: url,
    AWS_ENDPOINT_URL_LAMBDA: url,
    MILLRACE_URL: url,
    ...plan.env,
  }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

export function logGroupOf(name: string): string {
  return `/aws/lambda/${name}`
}

/** Clients of AWS sign every request, so they need some key: the node's own, unless its environment has one for all of AWS. */
function keysOf(env: Surroundings["env"], credentials: Surroundings["credentials"]): Record<string, string> {
  const named = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
  if (named.some((name) => (env[name] ?? "") !== "")) return {}
  const [key, secret] = credentials ?? ["MILLRACELOCAL", "local"]
  return { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret }
}
