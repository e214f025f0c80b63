/**
 * Who may reach this node at all, as long as there are no credentials: programs on this machine, and no web page but
 * the node's own.
 *
 * A browser on this machine can be led here by any page: its requests come from the loopback address like all others.
 * Two headers that a page cannot forge tell them apart. `Host` names what the browser believes to talk to, so a name
 * that was rebound to 127.0.0.1 shows. `Origin` (and `Sec-Fetch-Site`) names the page, so a form or script of another
 * shows.
 */
import { MillraceError } from "@millrace/model"

/** Whether only this machine can reach an address to listen on. */
function isLoopbackAddress(host: string): boolean {
  const plain = host.replace(/^\[(.*)\]$/, "$1").toLowerCase()
  return plain === "localhost" || plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain)
}

/**
 * Refuses to listen where other machines could reach the node.
 *
 * @throws MR1402
 */
export function assertListenable(host: string): void {
  if (isLoopbackAddress(host)) return
  throw new MillraceError(
    "MR1402",
    `${host} can be reached from other machines, and no API keys are configured. ` +
      "Listen on 127.0.0.1, or put a reverse proxy before it.",
    { host },
  )
}

/** The headers that tell where a request comes from. */
export interface Provenance {
  readonly method: string | undefined
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly fetchSite: string | undefined
}

/**
 * Refuses requests that a foreign page made a browser send.
 *
 * @throws MR1018
 */
export function assertOwn({ method, host, origin, fetchSite }: Provenance): void {
  if (host === undefined || !isLoopbackAuthority(host)) {
    throw new MillraceError(
      "MR1018",
      `The request is for ${JSON.stringify(host ?? "")}, and this node answers to localhost, 127.0.0.1 and [::1]. ` +
        "Use one of these; a reverse proxy must set Host so.",
      { host: host ?? null },
    )
  }
  // A host and port speak HTTP or TLS, never both, so the scheme tells nothing more.
  const own = [`http://${host.toLowerCase()}`, `https://${host.toLowerCase()}`]
  if (origin !== undefined && !own.includes(origin.toLowerCase())) {
    throw new MillraceError(
      "MR1018",
      `The request comes from the page ${JSON.stringify(origin)}, which is not this node's. ` +
        "To let that page in, start the node with --cors and its origin, or name it in the function's own cors; programs send no Origin.",
      { origin },
    )
  }
  // Browsers leave Origin out of some requests without a body; this one they never do.
  if (fetchSite === "cross-site" && method !== "GET" && method !== "HEAD") {
    throw new MillraceError(
      "MR1018",
      "The request comes from a page that is not this node's. Send it from a program, or from this node's own page.",
      { fetchSite },
    )
  }
}

/** A host with any port or none. */
function isLoopbackAuthority(authority: string): boolean {
  const host = /^(\[[^\]]*\]|[^:[\]]*)(:\d{1,5})?$/.exec(authority)?.[1]
  if (host === undefined) return false
  // Only in brackets is an IPv6 address a host.
  return host.startsWith("[") ? host === "[::1]" : isLoopbackAddress(host) && host !== "::1"
}
