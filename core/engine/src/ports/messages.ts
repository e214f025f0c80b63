/** A place that is told something by messages: a queue, a topic. */
export interface MessagePlace {
  /** Sends a text; resolves once the place has taken it. @throws MR1501 when it refuses; a retry may help */
  send(text: string): Promise<void>
  close(): Promise<void>
}
