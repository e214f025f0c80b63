/** What the client asks of the world: the part of `fetch` that it uses, a clock to wait on, and chance. */

export interface TransportRequest {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly signal?: AbortSignal
}

export interface TransportResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: AsyncIterable<Uint8Array> | null
  text(): Promise<string>
}

/** The platform's `fetch` fits it. Rejects when the node cannot be reached. */
export type Transport = (url: string, request: TransportRequest) => Promise<TransportResponse>

export interface World {
  readonly fetch: Transport
  /** Resolves after so many milliseconds, or as soon as the signal is aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** A number from 0 to below 1, as Math.random() gives. */
  readonly random: () => number
}
