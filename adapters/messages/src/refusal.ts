/** What SQS or SNS, or the way to them, says no with: as MR1501, with the place and the mend. */
import { MillraceError } from "@millrace/model"
import type { Target } from "./target.ts"

const network = "it cannot be reached. Is the endpoint right (AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL_SNS), and does the network let this machine through"
const missing = "there is none of this name. Create it, or name another"
const credentials = "AWS does not accept the credentials. Renew them (environment, profile or role of this machine)"

const mends: Readonly<Record<string, string>> = {
  QueueDoesNotExist: missing,
  "AWS.SimpleQueueService.NonExistentQueue": missing,
  NotFoundException: missing,
  NotFound: missing,
  AccessDenied: "these credentials may not send there. They need sqs:SendMessage and sqs:GetQueueUrl, or sns:Publish",
  AccessDeniedException: "these credentials may not send there. They need sqs:SendMessage and sqs:GetQueueUrl, or sns:Publish",
  AuthorizationError: "these credentials may not publish there. They need sns:Publish",
  InvalidAccessKeyId: credentials,
  InvalidClientTokenId: credentials,
  SignatureDoesNotMatch: credentials,
  ExpiredToken: credentials,
  CredentialsProviderError: "no credentials are found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role of this machine",
  TimeoutError: "it does not answer in time",
  ECONNREFUSED: network,
  ECONNRESET: network,
  ENOTFOUND: network,
  EAI_AGAIN: network,
  EHOSTUNREACH: network,
  ETIMEDOUT: network,
}

/** The fault as MR1501; what is no Error comes back as it is. */
export function refusal({ arn }: Target, fault: unknown): unknown {
  if (!(fault instanceof Error) || fault instanceof MillraceError) return fault
  const { code } = fault as { code?: unknown }
  const word = [code, fault.name].find((each) => typeof each === "string" && Object.hasOwn(mends, each))
  const known = (word ?? (typeof code === "string" ? code : fault.name)) as string
  const mend = mends[known] ?? `it refuses: ${fault.message}`
  return new MillraceError("MR1501", `${arn}: ${mend}; the message is kept and sent then. (${known})`, { arn, code: known }, fault)
}
