/**
 * Services that run together. A service knows a stream of another as its user defined it: a source, whose watermark comes from
 * the times of its records. Once the service that writes it runs beside it, there are marks in it, and its watermark is
 * the least of all that write it, for everyone who reads it.
 */
import { MillraceError, type Program, type StreamPlan } from "@millrace/model"

interface Writer {
  readonly service: string
  readonly stream: StreamPlan
  /** Of whose outputs it is the stream. */
  readonly task: string | undefined
}

/**
 * The programs as they are when they run together.
 *
 * @throws MR1103 when two of them write one stream: each would mark its watermark without the other
 */
export function together(programs: readonly Program[]): readonly Program[] {
  const writers = new Map<string, Writer>()
  for (const { plan } of programs) {
    for (const stream of plan.streams) {
      const task = plan.tasks.find(({ name }) => stream.name === `${name}.output`)?.name
      if (stream.role === "derived") addWriter(writers, { service: plan.service, stream, task })
    }
  }
  return programs.map((program) => {
    const { plan } = program
    const streams = plan.streams.map((stream): StreamPlan => {
      const upstreams = writers.get(stream.name)?.stream.upstreams ?? stream.upstreams
      return upstreams === stream.upstreams ? stream : Object.freeze({ ...stream, upstreams })
    })
    if (streams.every((stream, i) => stream === plan.streams[i])) return program
    return Object.freeze({ ...program, plan: Object.freeze({ ...plan, streams: Object.freeze(streams) }) })
  })
}

function addWriter(writers: Map<string, Writer>, writer: Writer): void {
  const { name } = writer.stream
  const other = writers.get(name)
  if (other === undefined) {
    writers.set(name, writer)
    return
  }
  if (writer.task !== undefined && writer.task === other.task) {
    const message =
      `Services "${other.service}" and "${writer.service}" both have task "${writer.task}"; a task belongs to one service of a node. Let one of them ` +
      `have it and read the other's streams, such as orders.to(${writer.task}), or call it from the other over HTTP; or put both into one service.`
    throw new MillraceError("MR1103", message, { task: writer.task, services: [other.service, writer.service] })
  }
  const message =
    `Services "${other.service}" and "${writer.service}" both write stream "${name}"; a stream has one writer. Let each write a ` +
    "stream of its own and unite them where they are read, or put both flows into one service."
  throw new MillraceError("MR1103", message, { stream: name, services: [other.service, writer.service] })
}
