/**
 * Results for others, as signed webhooks: `import { webhook } from "millrace/webhook"`. A webhook is a task that posts its input to an address,
 * so it is repeated until it is taken, and its runs can be looked at like any others.
 *
 * Signed as Standard Webhooks 1.0 says (standardwebhooks.com): `webhook-id`, `webhook-timestamp`, `webhook-signature` = `v1,` and the
 * base64 of the HMAC-SHA256 of `id.timestamp.body`. The id is the run's, so a receiver knows a repeat.
 */
import { createHmac } from "node:crypto"
import { type Duration, MillraceError, assertOptionNames, limits } from "@millrace/model"
import { NonRetryableError, RetryAfter, type RetryOptions, type Task, task } from "@millrace/sdk"

export interface WebhookOptions {
  /** Where it is posted to: `https:`, or `http:` to this machine. */
  readonly url: string
  /** `whsec_` and the base64 of 24 to 64 bytes, as the receiver has it. Take it from the environment, not from the source. */
  readonly secret: string
  readonly description?: string
  /** Posts at once. @default 10 */
  readonly concurrency?: number
  /** How long one post may take. @default "15s" */
  readonly timeout?: Duration
  /** @default 10 attempts over about a day: 5 s, then 4 times as long, at most 8 h */
  readonly retry?: RetryOptions
}

/** What the receiver answered. */
export interface WebhookReceipt {
  readonly status: number
}

/**
 * Defines a task that posts its inputs as signed webhooks.
 *
 * @throws MR1101 for an address or secret that is not valid, and for an option that there is not
 * @example
 * ```ts
 * const tell = webhook("tell-shop", { url: "https://shop.example/hooks", secret: process.env.SHOP_SECRET ?? "" })
 * export default service("bank", [freeze.output.map((data) => ({ type: "card.frozen", data })).to(tell)])
 * ```
 */
export function webhook<const Name extends string>(name: Name, options: WebhookOptions): Task<unknown, WebhookReceipt, Name> {
  assertOptionNames(options, ["url", "secret", "description", "concurrency", "timeout", "retry"], `webhook ${JSON.stringify(name)}`)
  const { url, secret, description = `Webhook to ${hostOf(url, name)}`, concurrency = 10, timeout = "15s" } = options
  const key = keyOf(secret, name)
  const retry = options.retry ?? { attempts: 10, backoff: { first: "5s", factor: 4, most: "8h" } }
  return task(name, {
    description,
    concurrency,
    timeout,
    retry,
    async run(input: unknown, ctx): Promise<WebhookReceipt> {
      const body = JSON.stringify(input)
      // The time of this attempt: a receiver refuses what is old.
      const timestamp = Math.floor(Date.now() / 1000)
      const signature = createHmac("sha256", key).update(`${ctx.run}.${timestamp}.${body}`).digest("base64")
      const answer = await fetch(url, {
        method: "POST",
        body,
        headers: {
          "content-type": "application/json",
          "webhook-id": ctx.run,
          "webhook-timestamp": String(timestamp),
          "webhook-signature": `v1,${signature}`,
          ...(ctx.traceparent === undefined ? {} : { traceparent: ctx.traceparent }),
          ...(ctx.tracestate === undefined ? {} : { tracestate: ctx.tracestate }),
        },
        redirect: "error",
        signal: ctx.signal,
      })
      await answer.body?.cancel()
      const { status } = answer
      if (answer.ok) return { status }
      ctx.log(`answered with ${status}`)
      // Gone: the receiver wants no more of these.
      if (status === 410) throw new NonRetryableError(`${name}: the receiver answered 410 Gone`)
      const afterMs = retryAfterMs(answer.headers.get("retry-after"), Date.now())
      if ((status === 429 || status === 503) && afterMs > 0) throw new RetryAfter(afterMs, `${name}: the receiver answered ${status}`)
      throw new Error(`${name}: the receiver answered ${status}`)
    },
  })
}

/** What a receiver asks for, in seconds or as a date, in ms, within its bound: it is a stranger. 0: nothing. */
function retryAfterMs(header: string | null, now: number): number {
  if (header === null) return 0
  const seconds = Number(header)
  const ms = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1000
  return ms > 0 ? Math.min(Math.ceil(ms), limits.webhookRetryAfterMsMax) : 0
}

function hostOf(url: string, name: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const local = ["127.0.0.1", "[::1]", "localhost"].includes(parsed?.hostname ?? "")
  if (parsed !== undefined && (parsed.protocol === "https:" || (parsed.protocol === "http:" && local))) return parsed.host
  throw new MillraceError("MR1101", `webhook "${name}", url: give an https: address (http: only to this machine).`, { given: url })
}

/** The key's bytes. The error never shows the secret. */
function keyOf(secret: string, name: string): Buffer {
  const key = /^whsec_[A-Za-z0-9+/]+=*$/.test(secret) ? Buffer.from(secret.slice("whsec_".length), "base64") : Buffer.alloc(0)
  if (key.length >= 24 && key.length <= 64) return key
  throw new MillraceError("MR1101", `webhook "${name}", secret: expected "whsec_" and the base64 of 24 to 64 bytes.`)
}
