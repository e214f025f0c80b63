/** What S3, or the way to it, says no with: as MR1501, with the place and the mend. */
import { MillraceError } from "@millrace/model"

const network = "the server cannot be reached. Is the endpoint right, and does the network let this machine through"
const region = "the bucket is in another region. Name its region in AWS_REGION or after the bucket (?region=…)"
const credentials = "AWS does not accept the credentials. Renew them (environment, profile or role of this machine)"
const busy = "S3 asks to go slower or is not well. Nothing needs doing"

const mends: Readonly<Record<string, string>> = {
  NoSuchBucket: "there is no such bucket. Create it, or name another",
  AccessDenied:
    "these credentials may not write there. They need s3:PutObject (for files above 64 MB also " +
    "s3:AbortMultipartUpload and s3:ListBucketMultipartUploads)",
  AllAccessDisabled: "the bucket is disabled. Ask its owner",
  InvalidAccessKeyId: credentials,
  SignatureDoesNotMatch: credentials,
  ExpiredToken: credentials,
  InvalidToken: credentials,
  CredentialsProviderError:
    "no credentials are found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role of this machine",
  RequestTimeTooSkewed: "the clock of this machine is wrong. Set it",
  PermanentRedirect: region,
  AuthorizationHeaderMalformed: region,
  IllegalLocationConstraintException: region,
  KeyTooLongError:
    "the name is longer than S3's 1,024 bytes. Give the sink a shorter prefix, or partition it by columns with " +
    "short values",
  EntityTooLarge: "the file is larger than the server takes. Roll the sink's files at a smaller size",
  QuotaExceeded: "the quota is used up. Free some space or raise it",
  SlowDown: busy,
  ServiceUnavailable: busy,
  InternalError: busy,
  ThrottlingException: busy,
  RequestTimeout: busy,
  TimeoutError: "the server does not answer in time. Is it well, and the network",
  ECONNREFUSED: network,
  ECONNRESET: network,
  EHOSTUNREACH: network,
  ENETUNREACH: network,
  ENOTFOUND: network,
  EAI_AGAIN: network,
  EPIPE: network,
  ETIMEDOUT: network,
}

/** The server's word for the fault, or the system's. */
function codeOf(fault: Error): string {
  const { code, Code: serverCode } = fault as { code?: unknown; Code?: unknown }
  // A connection's fault has the system's code; a server's answer has its name.
  for (const word of [code, serverCode, fault.name])
    if (typeof word === "string" && Object.hasOwn(mends, word)) return word
  return typeof code === "string" ? code : fault.name
}

/** The fault as MR1501; what is no Error comes back as it is. */
export function refusal(bucket: string, key: string, fault: unknown): unknown {
  if (!(fault instanceof Error) || fault instanceof MillraceError) return fault
  const code = codeOf(fault)
  const status = (fault as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
  const mend =
    mends[code] ??
    (/region is missing/i.test(fault.message)
      ? "no region is named. Set AWS_REGION, or name it after the bucket (?region=…)"
      : `S3 refuses: ${fault.message}`)
  return new MillraceError(
    "MR1501",
    `s3://${bucket}/${key}: ${mend}; the file is kept and delivered then. (${code})`,
    { bucket, key, code, ...(status === undefined ? {} : { status }) },
    fault,
  )
}
