/**
 * Signatures of AWS, version 4: whether a request was signed with the secret of a known access key, over what it says, just
 * now. Checked only where a node has been given keys; without them any signature, or none, will do.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import { type FailureType, KinesisFailure } from "./failure.ts"
import type { ApiRequest } from "./exchange.ts"

/** Access keys with their secrets. */
export type Credentials = ReadonlyMap<string, string>

/** A signature may be this old or this much ahead, in ms. */
const skewMsMax = 300_000
const algorithm = "AWS4-HMAC-SHA256"

/** What is signed of a request. */
export type SignedRequest = Pick<ApiRequest, "method" | "url" | "headers">

/**
 * Why a request to one of AWS's services is not signed well; undefined when it is.
 *
 * @param service - as its scope names it, such as `lambda`
 * @param now - ms
 */
export function signatureFault(request: SignedRequest, body: Uint8Array, credentials: Credentials, service: string, now: number): KinesisFailure | undefined {
  try {
    assertSigned(request, body, credentials, now, service)
    return undefined
  } catch (error) {
    if (error instanceof KinesisFailure) return error
    throw error
  }
}

/**
 * @param now - ms
 * @throws KinesisFailure MissingAuthenticationTokenException, IncompleteSignatureException, UnrecognizedClientException,
 *   InvalidSignatureException
 */
export function assertSigned(request: SignedRequest, body: Uint8Array, credentials: Credentials, now: number, wanted = "kinesis"): void {
  const given = request.headers["authorization"]
  if (typeof given !== "string") throw fault("MissingAuthenticationTokenException", "Missing Authentication Token")
  const { key, scope, signed, signature } = parsed(given)
  const secret = credentials.get(key)
  if (secret === undefined)
    throw fault("UnrecognizedClientException", "The security token included in the request is invalid.")
  const date = one(request.headers["x-amz-date"]) ?? ""
  const [day = "", region = "", service = "", end = ""] = scope
  if (end !== "aws4_request" || service !== wanted || !date.startsWith(day)) {
    throw fault(
      "InvalidSignatureException",
      `Credential should be scoped to a valid region and to the service '${wanted}'.`,
    )
  }
  assertFresh(date, now)
  if (!signed.some((name) => name === "host" || name === ":authority")) {
    throw fault("InvalidSignatureException", "The host must be among the signed headers.")
  }
  const text = [algorithm, date, scope.join("/"), sha256(canonical(request, signed, body))].join("\n")
  const right = hmac(
    [day, region, service, end].reduce<Uint8Array>((by, part) => hmac(by, part), Buffer.from(`AWS4${secret}`)),
    text,
  )
  if (!timingSafeEqual(right, digest(signature))) {
    throw fault(
      "InvalidSignatureException",
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    )
  }
}

interface Authorization {
  readonly key: string
  readonly scope: readonly string[]
  readonly signed: readonly string[]
  readonly signature: string
}

function parsed(header: string): Authorization {
  const parts = new Map<string, string>()
  if (!header.startsWith(`${algorithm} `)) {
    throw fault("IncompleteSignatureException", "Authorization header requires 'AWS4-HMAC-SHA256'.")
  }
  for (const part of header.slice(algorithm.length).split(",")) {
    const at = part.indexOf("=")
    if (at > 0) parts.set(part.slice(0, at).trim(), part.slice(at + 1).trim())
  }
  const missing = ["Credential", "Signature", "SignedHeaders"].filter((name) => (parts.get(name) ?? "") === "")
  if (missing.length > 0) {
    throw fault(
      "IncompleteSignatureException",
      missing.map((name) => `Authorization header requires '${name}' parameter.`).join(" "),
    )
  }
  const [key = "", ...scope] = (parts.get("Credential") as string).split("/")
  return {
    key,
    scope,
    signed: (parts.get("SignedHeaders") as string).split(";"),
    signature: parts.get("Signature") as string,
  }
}

function assertFresh(date: string, now: number): void {
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"))
  if (Math.abs(now - at) <= skewMsMax) return
  const what = at < now ? "expired" : "not yet current"
  throw fault(
    "InvalidSignatureException",
    `Signature ${what}: ${date} is not within five minutes of this node's clock.`,
  )
}

function canonical({ method, url, headers }: SignedRequest, signed: readonly string[], body: Uint8Array): string {
  const [path = "/", query = ""] = url.split("?", 2)
  const lines = signed.map((name) => `${name}:${(one(headers[name]) ?? "").trim().replaceAll(/\s+/g, " ")}`)
  const payload = one(headers["x-amz-content-sha256"])
  // What the sender says of its body must be so.
  const hash = sha256(body)
  if (payload !== undefined && payload !== hash && payload !== "UNSIGNED-PAYLOAD")
    throw fault("InvalidSignatureException", "x-amz-content-sha256 is not the hash of the body.")
  return [
    method,
    path === "" ? "/" : encoded(path),
    query.split("&").toSorted().join("&"),
    ...lines,
    "",
    signed.join(";"),
    payload ?? hash,
  ].join("\n")
}

/** Segments of a path are encoded once more than they come, by every service but S3. */
function encoded(path: string): string {
  const segment = (text: string): string => encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
  return path.split("/").map(segment).join("/")
}

function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" || value === undefined ? value : value.join(",")
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex")
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text).digest()
}

/** The bytes of a signature: of one that is none, those of no signature. */
function digest(signature: string): Uint8Array {
  return /^[0-9a-f]{64}$/.test(signature) ? Buffer.from(signature, "hex") : Buffer.alloc(32)
}

function fault(type: FailureType, message: string): KinesisFailure {
  return new KinesisFailure(type, message)
}
