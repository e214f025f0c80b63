/**
 * HTTP/1.1 and HTTP/2 on one plain port. A client with prior knowledge begins an HTTP/2 connection with a preface that is
 * no request of HTTP/1.1 (RFC 9113, section 3.4), so the first bytes tell the two apart. Until they do, a connection
 * costs as much as any that has sent no headers yet, and lasts no longer.
 */
import type { Server } from "node:http"
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2"
import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import { limits } from "@millrace/model"
import type { Clock } from "./clock.ts"

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

export interface Http2Door {
  /** Lets requests under way end and takes no more. */
  close(): void
  /** Cuts all off. */
  closeAll(): void
}

/**
 * Lets a server that speaks HTTP/1.1 take connections of HTTP/2 too.
 *
 * @param onUsed - a connection has begun to speak HTTP/2
 */
export function addHttp2(
  server: Server,
  clock: Clock,
  onRequest: (incoming: Http2ServerRequest, outgoing: Http2ServerResponse) => void,
  onUsed: (socket: Socket) => void,
): Http2Door {
  const sessions = new Set<ServerHttp2Session>()
  const sockets = new Set<Socket>()
  let isClosing = false
  const http2 = createHttp2Server(
    {
      maxSessionMemory: limits.http2SessionMegabytesMax,
      settings: {
        maxConcurrentStreams: limits.http2StreamsMax,
        initialWindowSize: limits.http2WindowBytes,
        maxHeaderListSize: limits.headersBytesMax,
      },
    },
    onRequest,
  )
  http2.on("session", (session) => {
    sessions.add(session)
    session.once("close", () => sessions.delete(session))
    // A window for all streams together: the default one makes every larger body wait for its sender.
    session.setLocalWindowSize(limits.http2WindowBytes * 2)
    session.setTimeout(limits.connectionIdleMsMax, () => session.close())
    session.on("error", () => undefined)
    if (isClosing) session.close()
  })
  http2.on("sessionError", () => undefined)

  const asHttp1 = server.listeners("connection") as ((socket: Socket) => void)[]
  server.removeAllListeners("connection")
  server.on("connection", (socket: Socket) => {
    const give = (isHttp2: boolean): void => {
      if (isHttp2) {
        onUsed(socket)
        sockets.add(socket)
        socket.once("close", () => sockets.delete(socket))
        http2.emit("connection", socket)
        // Unlike the server of HTTP/1.1, from which the socket comes: whoever can send no more has no use for answers. The end
        // is only noticed by who reads, and nothing is left to be read but the end.
        socket.allowHalfOpen = false
        socket.once("end", () => socket.destroySoon())
        if (socket.readableLength === 0) socket.resume()
      } else for (const take of asHttp1) take.call(server, socket)
    }
    // Over TLS the handshake has told.
    const { alpnProtocol } = socket as Partial<TLSSocket>
    if (typeof alpnProtocol === "string") give(alpnProtocol === "h2")
    else tell(socket, clock, give)
  })

  return {
    close() {
      isClosing = true
      for (const session of sessions) session.close()
    },
    closeAll() {
      // A session that has been asked to close waits for its peer, whatever it is asked then.
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Looks at the first bytes of a connection, puts them back, and gives it on. */
function tell(socket: Socket, clock: Clock, give: (isHttp2: boolean) => void): void {
  const onError = (): void => undefined
  const cancel = clock.after(limits.headersMsMax, () => socket.destroy())
  let seen = Buffer.alloc(0)
  const onReadable = (): void => {
    const bytes = socket.read() as Buffer | null
    if (bytes === null) return
    seen = Buffer.concat([seen, bytes])
    const isHttp2 = beginsWithPreface(seen)
    // So far it may be either. What is put back is readable at once, so it is kept until it is clear whom it is for.
    if (isHttp2 === undefined) return
    stop()
    socket.unshift(seen)
    give(isHttp2)
  }
  // Whoever ends before it is clear has asked nothing.
  const onEnd = (): void => void socket.destroy()
  const stop = (): void => {
    cancel()
    socket.removeListener("readable", onReadable)
    socket.removeListener("end", onEnd)
    socket.removeListener("close", stop)
    socket.removeListener("error", onError)
  }
  socket.on("end", onEnd)
  socket.on("readable", onReadable)
  socket.on("error", onError)
  socket.once("close", stop)
}

/** Undefined when there are too few bytes to tell. */
function beginsWithPreface(bytes: Buffer): boolean | undefined {
  const length = Math.min(bytes.length, preface.length)
  if (bytes.compare(preface, 0, length, 0, length) !== 0) return false
  return length === preface.length ? true : undefined
}
