/**
 * A TLS port before the same server: what comes over it is answered as on the plain port, HTTP/2 or HTTP/1.1 as client and server
 * agree in the handshake (ALPN). Clients that insist on TLS, such as the producer library and agents, need no proxy so.
 *
 * Not for: who may reach the node; as without TLS, only programs of this machine.
 */
import type { Server } from "node:http"
import type { Socket } from "node:net"
import { createSecureContext, createServer, type Server as TlsServer, type TLSSocket } from "node:tls"
import { limits, MillraceError } from "@millrace/model"

/** A certificate chain and its key, in PEM. */
export interface TlsIdentity {
  readonly cert: string | Uint8Array
  readonly key: string | Uint8Array
}

export interface TlsDoor {
  readonly server: TlsServer
  /**
   * Shakes hands with another certificate from now on; connections that there are stay as they are.
   *
   * @throws MR1405, and goes on with the one before
   */
  renew(identity: TlsIdentity): void
  /** Takes no more, and cuts off what is in its handshake; resolves once all connections are closed. */
  close(): Promise<void>
}

/**
 * @param server - takes the connections once they are secure
 * @throws MR1405 for what is no certificate with its key
 */
export function createTlsDoor(server: Server, identity: TlsIdentity): TlsDoor {
  const door = createServer({
    ...contextOf(identity),
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: limits.headersMsMax,
    noDelay: true,
  })
  door.maxConnections = limits.connectionsMax
  /** Connections in their handshake, which nobody else knows of. */
  const shaking = new Map<string, Socket>()
  door.prependListener("connection", (socket: Socket) => {
    const name = nameOf(socket)
    shaking.set(name, socket)
    socket.once("close", () => shaking.delete(name))
  })
  door.on("secureConnection", (socket: TLSSocket) => {
    shaking.delete(nameOf(socket))
    // A connection that breaks is nobody's fault here.
    socket.on("error", () => undefined)
    server.emit("connection", socket)
  })
  // What fails in the handshake has asked nothing; its socket is closed already.
  door.on("tlsClientError", () => undefined)
  return {
    server: door,
    renew: (next) => door.setSecureContext(contextOf(next)),
    close() {
      const closed = new Promise<void>((resolve) => door.close(() => resolve()))
      for (const socket of shaking.values()) socket.destroy()
      return closed
    },
  }
}

/** @throws MR1405 */
function contextOf({ cert, key }: TlsIdentity): { readonly cert: Buffer; readonly key: Buffer; readonly minVersion: "TLSv1.2" } {
  const context = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: "TLSv1.2" } as const
  try {
    createSecureContext(context)
    return context
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError("MR1405", `The TLS certificate and its key cannot be used: ${why}. Give a certificate chain and the key that belongs to it, both in PEM.`, {}, cause)
  }
}

function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
