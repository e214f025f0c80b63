/** Where a sink's objects go: `s3://bucket/prefix`, with what is not AWS's usual behind a question mark. */
import { MillraceError } from "@millrace/model"

export interface BucketLocation {
  readonly bucket: string
  /** Put before every name; empty, or without a slash at either end. */
  readonly prefix: string
  /**
   * Base address of a server other than AWS.
   *
   * @default `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` or the profile's; else AWS
   */
  readonly endpoint?: string
  /** @default `AWS_REGION` or the profile's; with another endpoint `us-east-1` */
  readonly region?: string
  /** Whether the bucket stands in the path rather than in the host's name. @default true with another endpoint */
  readonly forcePathStyle?: boolean
}

const form = "s3://bucket/prefix?endpoint=…&region=…&forcePathStyle=true"
const parameters = ["endpoint", "region", "forcePathStyle"]

/**
 * Takes `s3://bucket/prefix` apart; after a `?` may stand `endpoint`, `region` and `forcePathStyle`, percent-encoded.
 *
 * @throws MR1101 when it is not of that form
 */
export function bucketLocation(to: string): BucketLocation {
  const match = /^s3:\/\/([^/?#]+)(?:\/([^?#]*))?(?:\?(.*))?$/.exec(to)
  if (match === null) throw misformed(to, "it is not")
  const [, bucket = "", path = "", query = ""] = match
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw misformed(to, `${JSON.stringify(bucket)} is no name for a bucket in`)
  const given = new URLSearchParams(query)
  const unknown = [...given.keys()].find((parameter) => !parameters.includes(parameter))
  if (unknown !== undefined) throw misformed(to, `there is no ${JSON.stringify(unknown)} in`)
  const endpoint = given.get("endpoint") ?? undefined
  if (endpoint !== undefined && !/^https?:\/\//.test(URL.parse(endpoint)?.href ?? ""))
    throw misformed(to, "its endpoint is not an http or https address as in")
  const region = given.get("region") ?? undefined
  const pathStyle = given.get("forcePathStyle") ?? undefined
  if (pathStyle !== undefined && pathStyle !== "true" && pathStyle !== "false")
    throw misformed(to, "forcePathStyle is neither true nor false as in")
  return {
    bucket,
    prefix: path
      .split("/")
      .filter((segment) => segment !== "")
      .join("/"),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(pathStyle === undefined ? {} : { forcePathStyle: pathStyle === "true" }),
  }
}

function misformed(to: string, why: string): MillraceError {
  return new MillraceError("MR1101", `${JSON.stringify(to)}: ${why} the form ${form}.`, { to })
}
