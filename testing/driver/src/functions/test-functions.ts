/** What a test does with functions: calls them by name and over HTTP, and sees what they were called with. */
import { MillraceError } from "@millrace/model"
import type { LambdaFunction } from "@millrace/sdk"
import type { Turns } from "../turns.ts"
import type { TestInvocation } from "./calls.ts"
import type { Feeds, TestMapping } from "./feeds.ts"
import type { TestObject } from "./shelves.ts"

/** A function, or its name. */
export type NamedFunction = string | LambdaFunction

/** What a function has answered. */
export type Invoked =
  | { readonly outcome: "returned"; readonly payload: unknown }
  | { readonly outcome: "failed"; readonly error: NonNullable<TestInvocation["error"]> }
  | { readonly outcome: "throttled" }

/** What a redrive came to. */
export interface TestRedrive {
  readonly batches: number
  readonly records: number
  readonly waiting: number
  readonly failures: readonly { readonly stream: string; readonly partition: number; readonly shardId: string; readonly reason: string }[]
}

/** A request, as `fetch` takes it. */
export interface TestRequest {
  /** @default "GET" */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Text or bytes as they are; anything else as JSON, with its content type. */
  readonly body?: unknown
}

export class TestFunctions {
  readonly #feeds: Feeds | undefined
  readonly #turns: Turns
  readonly #work: () => Promise<void>

  /** @param feeds - undefined: the service has no functions */
  constructor(feeds: Feeds | undefined, turns: Turns, work: () => Promise<void>) {
    this.#feeds = feeds
    this.#turns = turns
    this.#work = work
  }

  /**
   * Calls a function and waits for its end, as Lambda's `RequestResponse` does. The clock stands still meanwhile.
   *
   * @throws MR1031 when there is no such function
   * @example `assert.deepEqual(await test.functions.invoke("resize", { photo: "cat.png" }), { outcome: "returned", payload: 7 })`
   */
  async invoke(of: NamedFunction, event: unknown): Promise<Invoked> {
    const { feeds, name } = this.#of(of)
    return this.#turns.take(async () => {
      let ended: Invoked | undefined
      let fault: Error | undefined
      feeds.calls.invoke(name, JSON.stringify(event) ?? "null").then(
        (invocation) => {
          if (invocation.kind === "throttled") ended = { outcome: "throttled" }
          else if (invocation.kind === "failed") ended = { outcome: "failed", error: invocation.error }
          else ended = { outcome: "returned", payload: JSON.parse(invocation.payload) as unknown }
        },
        (error: Error) => (fault = error),
      )
      await this.#work()
      if (ended !== undefined) return ended
      throw fault ?? stillUnderWay(name)
    })
  }

  /**
   * Gives a function an event that nobody waits for, as Lambda's `Event` does; returns the id of its request. What failed is tried again when the test
   * moves the clock.
   *
   * @throws MR1031 when there is no such function
   */
  async invokeEvent(of: NamedFunction, event: unknown): Promise<string> {
    const { feeds, name } = this.#of(of)
    return this.#turns.take(async () => {
      const requestId = await feeds.event(name, JSON.stringify(event) ?? "null")
      await this.#work()
      return requestId
    })
  }

  /**
   * A request of HTTP, answered by the function that has its route.
   *
   * @throws MR1012 when none has
   * @example `const reply = await test.functions.request("/orders", { method: "POST", body: { item: "hat" } })`
   */
  async request(url: string, { method = "GET", headers = {}, body }: TestRequest = {}): Promise<Response> {
    const feeds = this.#all()
    return this.#turns.take(async () => {
      const isPlain = body === undefined || typeof body === "string" || body instanceof Uint8Array
      const bytes = body instanceof Uint8Array ? body : Buffer.from(body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body))
      const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
      const all = { host: "localhost", ...(isPlain ? {} : { "content-type": "application/json" }), ...lower }
      const answering = feeds.request(url, method, all, bytes)
      if (answering === undefined) throw new MillraceError("MR1012", `No function answers ${method} ${url}.`, { method, url })
      let answered: Awaited<typeof answering> | undefined
      answering.then(whole).then(
        (response) => (answered = response),
        () => undefined,
      )
      await this.#work()
      if (answered === undefined) throw stillUnderWay(`${method} ${url}`)
      return responseOf(answered)
    })
  }

  /** What a function was called with so far, in order, by whomever: batches of its stream among them. @throws MR1031 */
  invocations(of: NamedFunction): readonly TestInvocation[] {
    const { feeds, name } = this.#of(of)
    this.#turns.assertNone("invocations")
    return structuredClone(feeds.calls.of(name))
  }

  /** How what feeds a function from its stream stands; undefined: nothing does. @throws MR1031 */
  mapping(of: NamedFunction): TestMapping | undefined {
    const { feeds, name } = this.#of(of)
    this.#turns.assertNone("mapping")
    return feeds.mapping(name)
  }

  /**
   * What lies where a destination puts objects: nothing is sent anywhere.
   *
   * @param to - as the destination names it: `s3://bucket/prefix`
   */
  objects(to: string): readonly TestObject[] {
    this.#turns.assertNone("objects")
    return this.#all().shelves.of(to)
  }

  /** What a queue or a topic was told as a destination, in order: nothing is sent anywhere. @param arn - as the destination names it */
  messages(arn: string): readonly unknown[] {
    this.#turns.assertNone("messages")
    return structuredClone(this.#all().shelves.messages(arn))
  }

  /** Calls a function again with what its mapping has given up. @throws MR1009 when that is kept nowhere, MR1031 */
  async redrive(of: NamedFunction): Promise<TestRedrive> {
    const { feeds, name } = this.#of(of)
    return this.#turns.take(async () => {
      let ended: TestRedrive | undefined
      let fault: Error | undefined
      feeds.redrive(name).then(
        (redriven) => (ended = redriven),
        (error: Error) => (fault = error),
      )
      await this.#work()
      if (ended !== undefined) return ended
      throw fault ?? stillUnderWay(name)
    })
  }

  #all(): Feeds {
    if (this.#feeds !== undefined) return this.#feeds
    throw new MillraceError("MR1031", "The service has no functions: give it some with fn(…) or http(…).")
  }

  #of(of: NamedFunction): { readonly feeds: Feeds; readonly name: string } {
    const feeds = this.#all()
    const name = typeof of === "string" ? of : of.name
    feeds.plan(name)
    return { feeds, name }
  }
}

function stillUnderWay(what: string): MillraceError {
  return new MillraceError("MR1202", `${what}: it has not answered, and the clock stands still. Its code waits for something outside that takes longer than the test's patience.`)
}

async function responseOf({ status, headers, body }: { readonly status: number; readonly headers: Readonly<Record<string, string | readonly string[]>>; readonly body: Uint8Array | AsyncIterable<Uint8Array> }): Promise<Response> {
  const all = new Headers()
  for (const [name, value] of Object.entries(headers)) for (const each of typeof value === "string" ? [value] : value) all.append(name, each)
  const isBare = status === 204 || status === 304
  return new Response(isBare ? null : body instanceof Uint8Array ? Buffer.from(body) : ReadableStream.from(body), { status, headers: all })
}

type Answered = Parameters<typeof responseOf>[0]

/** Takes a streamed answer as it comes: its handler waits for its reader. One that breaks off does so for whoever reads the response. */
async function whole(answer: Answered): Promise<Answered> {
  if (answer.body instanceof Uint8Array) return answer
  const parts: Uint8Array[] = []
  let fault: Error | undefined
  try {
    for await (const part of answer.body) parts.push(part)
  } catch (error) {
    fault = error as Error
  }
  const again = async function* (): AsyncGenerator<Uint8Array> {
    yield* parts
    if (fault !== undefined) throw fault
  }
  return { ...answer, body: again() }
}
