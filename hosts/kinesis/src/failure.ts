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
  return new KinesisFailure(types[code] ?? "InvalidArgumentException", `${message} [${code}]`)
}

/** What is not listed lies with the records of the request. */
const types: Readonly<Partial<Record<ErrorData["code"], FailureType>>> = {
  MR1007: "ValidationException",
  MR1008: "ResourceNotFoundException",
  // SDKs wait and send again.
  MR1010: "ProvisionedThroughputExceededException",
  MR1013: "ValidationException",
  MR1034: "ValidationException",
  MR1016: "AccessDeniedException",
  MR1102: "ResourceInUseException",
  MR1306: "ResourceInUseException",
  MR1204: "ServiceUnavailableException",
  MR1302: "InternalFailureException",
  MR1303: "InternalFailureException",
  MR1304: "InternalFailureException",
  MR1401: "ServiceUnavailableException",
  MR1404: "InternalFailureException",
}
