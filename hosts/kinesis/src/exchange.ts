/** What the API needs of HTTP, whichever version and server: a request whose body is asked for, and one answer. */
export interface ApiRequest {
  readonly method: string
  /** With its query. */
  readonly url: string
  /** Names in lower case; of HTTP/2 also its own that begin with a colon. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The whole body. @throws MR1007, MR1010 */
  body(): Promise<Uint8Array>
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
  /** Whether so much waits for its readers that no large answer should be made now. @default it never does */
  readonly isCrowded?: () => boolean
}

export interface ApiResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** All of it, or its parts as they come. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
}
