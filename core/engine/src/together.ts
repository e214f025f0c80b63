/**
 * Services that run together. A service knows a stream of another as its user defined it: a source, whose watermark comes from
 * the times of its records. Once the service that writes it runs beside it, there are marks in it, and its watermark is
 * the least of all that write it, for everyone who reads it. In the same way, a service that only reads a task's outputs has that task when it is
 * alone, and reads the stream of them beside the service that has it.
 */
import { MillraceError, type Program, type StreamPlan, type TaskPlan } from "@millrace/model"

interface Writer {
  readonly service: string
  readonly stream: StreamPlan
  /** Of whose outputs it is the stream. */
  readonly task: TaskPlan | undefined
}

/**
 * The programs as they are when they run together.
 *
 * @throws MR1103 when two of them write one stream: each would mark its watermark without the other
 */
export function together(given: readonly Program[]): readonly Program[] {
  const had = new Set(given.flatMap(({ plan }) => plan.tasks.filter(({ read }) => read !== true).map(({ name }) => name)))
  const programs = given.map((program) => withoutTasks(program, had))
  const writers = new Map<string, Writer>()
  for (const { plan } of programs) {
    for (const stream of plan.streams) {
      const task = plan.tasks.find(({ output }) => stream.name === output)
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

/** A service without those tasks of which it only reads the outputs and that another one has. */
function withoutTasks(program: Program, had: ReadonlySet<string>): Program {
  const { plan } = program
  const gone = plan.tasks.filter(({ name, read }) => read === true && had.has(name))
  if (gone.length === 0) return program
  const commands = new Set(gone.map((task) => task.commands))
  const outputs = new Set(gone.map(({ output }) => output))
  const stages = plan.stages.filter(({ input }) => !commands.has(input))
  const deadLetters = new Set(stages.map((stage) => stage.deadLetters))
  const streams = plan.streams
    .filter(({ name, role }) => !commands.has(name) && (role !== "dead-letter" || deadLetters.has(name)))
    .map((stream): StreamPlan => (outputs.has(stream.name) ? Object.freeze({ ...stream, role: "source", upstreams: 0 }) : stream))
  const tasks = plan.tasks.filter((task) => !gone.includes(task))
  return Object.freeze({
    ...program,
    plan: Object.freeze({ ...plan, streams: Object.freeze(streams), stages: Object.freeze(stages), tasks: Object.freeze(tasks) }),
    tasks: new Map([...program.tasks].filter(([name]) => tasks.some((task) => task.name === name))),
    operators: new Map([...program.operators].filter(([input]) => !commands.has(input))),
  })
}

function addWriter(writers: Map<string, Writer>, writer: Writer): void {
  const { name } = writer.stream
  const other = writers.get(name)
  if (other === undefined) {
    writers.set(name, writer)
    return
  }
  if (writer.task !== undefined && writer.task.name === other.task?.name) {
    const task = writer.task.name
    // Where one has it, none that only reads its outputs is left.
    const message =
      writer.task.read === true
        ? `Services "${other.service}" and "${writer.service}" both read the output of task "${task}", and none of them has it. ` +
          `List it in one of them, such as service("${other.service}", [${task}, …]).`
        : `Services "${other.service}" and "${writer.service}" both have task "${task}"; a task belongs to one service of a node. Let one of them ` +
          `have it and read the other's streams, such as orders.to(${task}), or call it from the other over HTTP; or put both into one service.`
    throw new MillraceError("MR1103", message, { task, services: [other.service, writer.service] })
  }
  const message =
    `Services "${other.service}" and "${writer.service}" both write stream "${name}"; a stream has one writer. Let each write a ` +
    "stream of its own and unite them where they are read, or put both flows into one service."
  throw new MillraceError("MR1103", message, { stream: name, services: [other.service, writer.service] })
}
