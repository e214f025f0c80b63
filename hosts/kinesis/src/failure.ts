/** The failures of the API: the type that clients switch on, AWS's words, and the status. */
import { type ErrorData, isMillraceError } from "@millrace/model"

export type FailureType =
  | "AccessDeniedException"
  | "ExpiredIteratorException"
  | "ExpiredNextTokenException"
  | "IncompleteSignatureException"
  | "InternalFailureException"
  | "InvalidArgumentException"
  | "InvalidSignatureException"
  | "LimitExceededException"
  | "MissingAuthenticationTokenException"
  | "ProvisionedThroughputExceededException"
  | "ResourceInUseException"
  | "ResourceNotFoundException"
  | "SerializationException"
  | "ServiceUnavailableException"
  | "UnknownOperationException"
  | "UnrecognizedClientException"
  | "ValidationException"

const statuses: Readonly<Partial<Record<FailureType, number>>> = {
  IncompleteSignatureException: 403,
  InternalFailureException: 500,
  InvalidSignatureException: 403,
  MissingAuthenticationTokenException: 403,
  ServiceUnavailableException: 503,
  UnrecognizedClientException: 403,
}

/** An expected failure of a request. */
export class KinesisFailure extends Error {
  readonly type: FailureType

  constructor(type: FailureType, message: string) {
    super(message)
    this.name = "KinesisFailure"
    this.type = type
  }

  get status(): number {
    return statuses[this.type] ?? 400
  }

  /** The body: AWS writes the message of a SerializationException with a capital letter. */
  get body(): Readonly<Record<string, string>> {
    const { type, message } = this
    if (type === "UnknownOperationException") return message === "" ? { __type: type } : { __type: type, message }
    return { __type: type, [type === "SerializationException" ? "Message" : "message"]: message }
  }
}

export function serializationFailure(message: string): KinesisFailure {
  return new KinesisFailure("SerializationException", message)
}

/** A thrown thing as a failure of the API; undefined for a fault that nobody foresaw. */
export function failureOf(thrown: unknown): KinesisFailure | undefined {
  if (thrown instanceof KinesisFailure) return thrown
  return isMillraceError(thrown) ? nodeFailure(thrown) : undefined
}

/** What the node says, as the API says such things. */
export function nodeFailure({ code, message }: Pick<ErrorData, "code" | "message">): KinesisFailure {
  return new KinesisFailure(typeOf(code), `${message} [${code}]`)
}

function typeOf(code: ErrorData["code"]): FailureType {
  switch (code) {
    case "MR1008":
      return "ResourceNotFoundException"
    // SDKs wait and send again.
    case "MR1010":
      return "ProvisionedThroughputExceededException"
    case "MR1016":
      return "AccessDeniedException"
    case "MR1102":
      return "ResourceInUseException"
    case "MR1007":
    case "MR1013":
      return "ValidationException"
    case "MR1204":
    case "MR1401":
      return "ServiceUnavailableException"
    case "MR1302":
    case "MR1303":
    case "MR1304":
    case "MR1404":
      return "InternalFailureException"
    default:
      return "InvalidArgumentException"
  }
}
