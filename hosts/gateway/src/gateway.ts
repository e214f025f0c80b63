/**
 * The front door: an HTTP server before a node.
 *
 * Not for: deciding anything about records. It reads bodies, asks the node and writes down what the node says.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http"
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2"
import type { AddressInfo, Server as NetServer, Socket } from "node:net"
import { getRequestListener } from "@hono/node-server"
import { errorTable, limits, MillraceError } from "@millrace/model"
import { type OperationId, problemOf } from "@millrace/protocol"
import { failureOf, type Incoming, type Outgoing, headersOf, problem, refuse } from "./answer.ts"
import { createApp, methodsAt } from "./app.ts"
import { type Clock, processClock } from "./clock.ts"
import type { Bindings, Gate, Noted } from "./gate.ts"
import { addHttp2, type Http2Door } from "./http-versions.ts"
import { LiveReaders } from "./live-readers.ts"
import type { Log } from "./log.ts"
import { Metrics } from "./metrics.ts"
import { type Mount, serveMounted } from "./mount.ts"
import type { GatewayNode } from "./node.ts"
import { assertListenable, assertOwn } from "./own-address.ts"
import { Pages, pageHeaders, preflightHeaders } from "./pages.ts"
import { ArrivingBodies } from "./request-body.ts"
import { UnreadAnswers } from "./unread-answers.ts"
import { createTlsDoor, type TlsDoor, type TlsIdentity } from "./tls-door.ts"

export interface GatewayOptions {
  readonly node: GatewayNode
  /** Version of Millrace, told in `/v1/status` and openapi.json. */
  readonly version: string
  readonly log: Log
  /** @default the clock of the process */
  readonly clock?: Clock
  /** How often a quiet `live` says that it lives, in ms. @default 15000 */
  readonly heartbeatMs?: number
  /** Origins of pages that may call streams, events, tables, tasks and runs, such as `https://shop.example`. @default none */
  readonly pages?: readonly string[]
  /** Other APIs on the same port. */
  readonly mounts?: readonly Mount[]
  /** How long a request may take to arrive. @default those of `limits` */
  readonly arrival?: Arrival
}

/** Times in ms. What takes longer is answered 408 and its connection closed, at the next look. */
interface Arrival {
  /** See `limits.headersMsMax`. */
  readonly headersMs: number
  /** See `limits.requestMsMax`. */
  readonly requestMs: number
  /** How often connections are looked at. */
  readonly lookMs: number
}

const arrivalAtMost: Arrival = { headersMs: limits.headersMsMax, requestMs: limits.requestMsMax, lookMs: 5_000 }

export interface Listening {
  readonly host: string
  /** The port in fact, also when 0 was asked for. */
  readonly port: number
  /** What to give to a client: `http://127.0.0.1:7070`. */
  readonly url: string
}

export interface Gateway {
  /**
   * Opens the front door.
   *
   * @param port - 0 takes any free one
   * @throws MR1402 for an address that other machines can reach, MR1403 when the port cannot be had
   */
  listen(host: string, port: number): Promise<Listening>
  /**
   * Opens a second one, over TLS: the same is answered there, over HTTP/2 or HTTP/1.1 as the client likes.
   *
   * @throws MR1405 for what is no certificate with its key, and as {@link listen}
   */
  listenSecurely(host: string, port: number, identity: TlsIdentity): Promise<Listening>
  /**
   * Another certificate for whoever connects from now on; connections that there are stay. Nothing where there is no second door.
   *
   * @throws MR1405, and the one before goes on
   */
  renewIdentity(identity: TlsIdentity): void
  /**
   * Takes no more connections, ends every `live`, answers the requests in hand; what is not done after
   * `limits.closeMsMax` is cut off.
   */
  close(): Promise<void>
}

/** A front door that is still shut. @throws MR1101 for pages that are no origins */
export function createGateway(options: GatewayOptions): Gateway {
  const { node, version, log, clock = processClock, heartbeatMs = 15_000, pages = [], mounts = [], arrival = arrivalAtMost } = options
  const readers = new LiveReaders(clock, log, heartbeatMs)
  const gate: Gate = { node, version, clock, log, bodies: new ArrivingBodies(), unread: new UnreadAnswers(clock, log), readers, metrics: new Metrics() }
  const door = new Door(gate, mounts, new Pages(pages), arrival)
  return {
    listen: (host, port) => door.listen(host, port),
    listenSecurely: (host, port, identity) => door.listenSecurely(host, port, identity),
    renewIdentity: (identity) => door.renewIdentity(identity),
    close: () => door.close(),
  }
}

class Door {
  readonly #gate: Gate
  readonly #server: Server
  readonly #http2: Http2Door
  #tls: TlsDoor | undefined
  /** Answers of mounts that come in parts. */
  readonly #lasting: Set<AbortController> = new Set()
  /** Connections on which no request has come yet: browsers open some in advance. Node does not count them as idle. */
  readonly #unused: Set<Socket> = new Set()
  #closing: Promise<void> | undefined

  constructor(gate: Gate, mounts: readonly Mount[], pages: Pages, { headersMs, requestMs, lookMs }: Arrival) {
    this.#gate = gate
    const app = createApp(gate)
    const listener = getRequestListener(
      (request, bindings) => {
        const { incoming, outgoing } = bindings as { incoming: Incoming; outgoing: Outgoing }
        const noted: Noted = { route: undefined }
        this.#note(incoming, outgoing, noted)
        const page = pages.originOf(incoming.url ?? "", incoming.headers)
        const failure = refusal(incoming, page !== undefined)
        if (failure !== undefined) return problem(failureOf(failure), new URL(request.url).pathname)
        if (page !== undefined) {
          const own = pageHeaders(page)
          if (incoming.method === "OPTIONS" && incoming.headers["access-control-request-method"] !== undefined) {
            const methods = methodsAt(new URL(request.url).pathname)
            return new Response(null, { status: 204, headers: { ...own, ...preflightHeaders(methods, incoming.headers) } })
          }
          // Before whoever answers: some write their answers past the Fetch API.
          for (const [name, value] of Object.entries(own)) outgoing.setHeader(name, value)
        }
        const env: Bindings = { incoming, outgoing, noted }
        return app.fetch(request, env)
      },
      {
        // Whoever embeds the gateway keeps the Request and Response of the platform.
        overrideGlobalObjects: false,
        errorHandler: (thrown) => this.#onUnreadable(thrown),
      },
    )
    const serve = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      const { method = "", url = "", headers } = incoming
      const mount = mounts.find((each) => each.takes({ method, url, headers }))
      if (mount === undefined) void listener(incoming, outgoing)
      else void this.#mounted(mount, incoming, outgoing)
    }
    const serveHttp2 = (incoming: Http2ServerRequest, outgoing: Http2ServerResponse): void => {
      const { method, url, headers } = incoming
      const mount = mounts.find((each) => each.takes({ method, url, headers }))
      if (mount !== undefined) return void this.#mounted(mount, incoming, outgoing)
      // Over HTTP/1.1 the server itself looks after a body that does not come.
      const cancel = gate.clock.after(requestMs, () => outgoing.stream.destroy())
      incoming.once("end", cancel)
      outgoing.once("close", cancel)
      void listener(incoming, outgoing)
    }
    const server = createServer(
      {
        noDelay: true,
        headersTimeout: headersMs,
        requestTimeout: requestMs,
        keepAliveTimeout: limits.connectionIdleMsMax,
        maxHeaderSize: limits.headersBytesMax,
        connectionsCheckingInterval: lookMs,
      },
      (incoming, outgoing) => serve(incoming, outgoing),
    )
    server.maxConnections = limits.connectionsMax
    // A sender that asks before it sends is not told to go on with what will be refused for its length.
    server.on("checkContinue", (incoming: IncomingMessage, outgoing: ServerResponse) => {
      if (!(Number(incoming.headers["content-length"] ?? 0) > limits.requestBytesMax)) outgoing.writeContinue()
      serve(incoming, outgoing)
    })
    this.#server = server
    this.#http2 = addHttp2(server, gate.clock, serveHttp2, (socket) => this.#unused.delete(socket))
    server.prependListener("connection", (socket: Socket) => {
      this.#unused.add(socket)
      socket.once("close", () => this.#unused.delete(socket))
    })
  }

  listen(host: string, port: number): Promise<Listening> {
    return listening(this.#server, "http", host, port)
  }

  async listenSecurely(host: string, port: number, identity: TlsIdentity): Promise<Listening> {
    const door = createTlsDoor(this.#server, identity)
    this.#tls = door
    return listening(door.server, "https", host, port)
  }

  renewIdentity(identity: TlsIdentity): void {
    this.#tls?.renew(identity)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const closed = Promise.all([new Promise<void>((resolve) => this.#server.close(() => resolve())), this.#tls?.close()])
    this.#gate.readers.close()
    for (const each of this.#lasting) each.abort()
    this.#server.closeIdleConnections()
    this.#http2.close()
    for (const socket of this.#unused) socket.destroy()
    const cancel = this.#gate.clock.after(limits.closeMsMax, () => {
      this.#server.closeAllConnections()
      this.#http2.closeAll()
    })
    await closed
    cancel()
  }

  async #mounted(mount: Mount, incoming: Incoming, outgoing: Outgoing): Promise<void> {
    const gate = this.#gate
    const noted: Noted = { route: mount.name }
    this.#note(incoming, outgoing, noted)
    try {
      const { method = "", url = "", headers } = incoming
      const failure = refusal(incoming, mount.admits?.({ method, url, headers }) === true)
      if (failure === undefined) await serveMounted(mount, incoming, outgoing, noted, gate, this.#lasting)
      else {
        const data = failureOf(failure)
        refuse(incoming, outgoing, errorTable[data.code].status, headersOf(data), JSON.stringify(problemOf(data, pathOf(url))), gate.clock)
      }
    } catch (error) {
      gate.log.error({ route: mount.name, error }, "A request failed in a way that was not foreseen.")
      if ("stream" in outgoing) outgoing.stream.destroy()
      else outgoing.destroy()
    }
  }

  /** Counts a request once it is over. */
  #note(incoming: Incoming | undefined, outgoing: Outgoing, noted: Noted): void {
    const { metrics, clock } = this.#gate
    if (incoming !== undefined) this.#unused.delete(incoming.socket)
    const began = clock.now()
    // Who sends request after request over one connection would else keep a closing server open.
    if (this.#closing !== undefined && outgoing instanceof ServerResponse) outgoing.setHeader("connection", "close")
    outgoing.once("close", () => {
      const isLive = noted.isLive ?? noted.route === ("followStream" satisfies OperationId)
      const ms = isLive ? undefined : clock.now() - began
      // 499 as nginx has it: whoever asked left before the answer.
      const status = outgoing.headersSent ? outgoing.statusCode : 499
      metrics.count(noted.route ?? "none", status, ms)
      // So would a connection that has just become idle.
      if (this.#closing !== undefined) setImmediate(() => this.#server.closeIdleConnections())
    })
  }

  /** What hono's adapter cannot make a request of: an address or a header that is none. */
  #onUnreadable(thrown: unknown): Response {
    const isRequestError = thrown instanceof Error && thrown.name === "RequestError"
    if (isRequestError)
      return problem(failureOf(new MillraceError("MR1009", `The request cannot be read: ${thrown.message}.`)), "/")
    this.#gate.log.error({ error: thrown }, "A request failed in a way that was not foreseen.")
    return problem(failureOf(thrown), "/")
  }
}

function listening(server: NetServer, scheme: "http" | "https", host: string, port: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    assertListenable(host)
    const onError = (cause: NodeJS.ErrnoException): void => reject(unopened(host, port, cause))
    server.once("error", onError)
    server.listen({ host: host.replace(/^\[(.*)\]$/, "$1"), port }, () => {
      server.removeListener("error", onError)
      const address = server.address() as AddressInfo
      const shown = address.family === "IPv6" ? `[${address.address}]` : address.address
      resolve({ host: address.address, port: address.port, url: `${scheme}://${shown}:${address.port}` })
    })
  })
}

/**
 * Why a request may not enter at all.
 *
 * @param fromAnyPage - it may come from a page that is not the node's own
 */
function refusal({ method, url, headers }: Incoming, fromAnyPage = false): unknown {
  // A proxy's form of request line names the host there, and that one counts (RFC 9112, section 3.2.2); in HTTP/2 the
  // host has a field of its own.
  const authority = headers[":authority"]
  const host = url?.startsWith("/") === true ? (typeof authority === "string" ? authority : headers.host) : hostOf(url)
  const fetchSite = headers["sec-fetch-site"]
  try {
    assertOwn({
      method,
      host,
      origin: fromAnyPage ? undefined : headers.origin,
      fetchSite: fromAnyPage || typeof fetchSite !== "string" ? undefined : fetchSite,
    })
    return undefined
  } catch (error) {
    return error
  }
}

/** The path of a request line, which may name the host too. */
function pathOf(url: string): string {
  return (url.startsWith("/") || !URL.canParse(url) ? url : new URL(url).pathname).split("?", 1)[0] as string
}

function hostOf(url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) ? new URL(url).host : undefined
}

function unopened(host: string, port: number, cause: NodeJS.ErrnoException): MillraceError {
  const mend: Readonly<Record<string, string>> = {
    EADDRINUSE: "is in use by another program. Stop it, or choose another port with --port.",
    EACCES: "may not be opened by this user. Choose a port above 1023 with --port.",
    EADDRNOTAVAIL: "cannot be opened: the address is not one of this machine. Choose 127.0.0.1 with --host.",
  }
  const sentence = mend[cause.code ?? ""] ?? `cannot be opened: ${cause.message}. Choose another with --port.`
  return new MillraceError("MR1403", `Port ${port} of ${host} ${sentence}`, { host, port }, cause)
}
