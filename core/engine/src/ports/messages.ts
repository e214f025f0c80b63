/** A place that is told something by messages: a queue, a topic. */
export interface MessagePlace {
  /** Sends a text; resolves once the place has taken it. @throws MR1501 when it refuses; a retry may help */
  send(text: string, about: MessageAbout): Promise<void>
  close(): Promise<void>
}

/** What a place that keeps an order, a FIFO queue or topic, needs to know. */
export interface MessageAbout {
  /** Messages of one group come in the order in which they were sent. */
  readonly group: string
  /** The same for the same message, whenever it is sent again. */
  readonly id: string
}
