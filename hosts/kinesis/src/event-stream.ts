/** An answer that lasts: the media type of its messages' payloads is that of the request. */
import { crc32 } from "node:zlib"
import { AmazonEventStream } from "@millrace/protocol"

export class EventStream {
  readonly messages: AsyncIterable<Uint8Array>

  constructor(messages: AsyncIterable<Uint8Array>) {
    this.messages = messages
  }
}

/** Writes its messages. */
export const framing: AmazonEventStream = new AmazonEventStream(crc32)
