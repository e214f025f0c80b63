/** What may be said of requests that pages of other origins send, and the checks of it. */
import { type CorsPlan, type Duration, MillraceError } from "@millrace/model"
import { checkedMs, checkKeys } from "../setting.ts"

/** Cross-origin resource sharing, as API Gateway has it. */
export interface CorsOptions {
  /** Such as `https://shop.example`; `*` alone: any. @default ["*"] */
  readonly origins?: readonly string[]
  /** @default those of the routes */
  readonly methods?: readonly string[]
  /** Headers that requests may bear. @default ["content-type", "authorization"] */
  readonly headers?: readonly string[]
  /** Headers of answers that pages may read. @default none */
  readonly exposed?: readonly string[]
  /** Whether requests may bear cookies; not with `*`. @default false */
  readonly credentials?: boolean
  /** How long browsers remember the answer to a preflight. @default "1h" */
  readonly maxAge?: Duration
}

/** @throws MR1101 */
export function corsPlan(given: true | CorsOptions, what: string): CorsPlan {
  const options = given === true ? {} : given
  checkKeys(options, ["origins", "methods", "headers", "exposed", "credentials", "maxAge"], what)
  const origins = texts(options.origins ?? ["*"], `${what}, origins`)
  const wrong = origins.find((origin) => origin !== "*" && !/^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/.test(origin))
  if (wrong !== undefined) throw new MillraceError("MR1101", `${what}, origins: ${JSON.stringify(wrong)} is not an origin such as "https://shop.example".`, { given: wrong })
  const { credentials = false } = options
  if (credentials && origins.includes("*")) throw new MillraceError("MR1101", `${what}: credentials need origins by name; "*" would give them to every page.`)
  return Object.freeze({
    origins,
    methods: texts(options.methods ?? [], `${what}, methods`),
    headers: texts(options.headers ?? ["content-type", "authorization"], `${what}, headers`),
    exposed: texts(options.exposed ?? [], `${what}, exposed`),
    credentials,
    maxAgeMs: checkedMs(options.maxAge ?? "1h", `${what}, maxAge`),
  })
}

function texts(given: readonly string[], what: string): readonly string[] {
  if (Array.isArray(given) && given.every((each) => typeof each === "string" && /^[\x21-\x7e]+$/.test(each))) return Object.freeze([...given])
  throw new MillraceError("MR1101", `${what}: expected an array of texts.`, { given })
}
