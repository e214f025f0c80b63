/** `millrace fn …`: shows functions and calls one. */
import { MillraceError } from "@millrace/model"
import type { FunctionReply, MappingReply } from "@millrace/protocol"
import type { Command } from "commander"
import { columns } from "../columns.ts"
import { example } from "../example.ts"
import { inputText } from "../input-text.ts"
import { type AddressOptions, addAddress, clientsOf } from "../node-address.ts"
import type { Terminal } from "../terminal.ts"

interface Options extends AddressOptions {
  readonly json?: true
}

export function define(command: Command, terminal: Terminal): void {
  command.addHelpText("after", example(`millrace fn invoke resize '{"photo": "cat.png"}'`, "Each of them explains itself, and has --json: millrace fn invoke --help"))
  addAddress(command.command("list"))
    .description("show the functions and how they stand")
    .option("--json", "print JSON")
    .addHelpText("after", example("millrace fn list"))
    .action((options: Options) => list(options, terminal))
  addAddress(command.command("invoke"))
    .description("call a function and wait for its end")
    .argument("<NAME>", "the function")
    .argument("[JSON]", "the event; - : from stdin; nothing: {}")
    .option("--json", "print what became of it as JSON, with its log")
    .addHelpText("after", example("cat event.json | millrace fn invoke resize -", "Its answer is printed; what it logs goes to stderr, as does why it has failed."))
    .action((name: string, event: string | undefined, options: Options) => invoke(name, event, options, terminal))
  addAddress(command.command("redrive"))
    .description("call a function again with what it could not take: batches of its stream, in their order, and events")
    .argument("<NAME>", "the function")
    .option("--stream <NAME>", "only the batches of this stream; else those of all streams that feed it, and events")
    .option("--json", "print what it came to as JSON")
    .addHelpText("after", example("millrace fn redrive resize", "It takes what was given up to a stream or to S3 (onFailure) and ends at what fails again; then the next redrive goes on with that."))
    .action((name: string, options: Options & { readonly stream?: string }) => redrive(name, options, terminal))
}

async function list(options: Options, terminal: Terminal): Promise<void> {
  const functions = await clientsOf(options, terminal).impatient.functions()
  if (options.json === true) for (const each of functions) terminal.out(`${JSON.stringify(each)}\n`)
  else terminal.out(functions.length === 0 ? "This node has no functions.\n" : columns([["function", "service", "timeout", "memory", "instances", "fed by"], ...functions.map(lineOf)]))
}

async function invoke(name: string, given: string | undefined, options: Options, terminal: Terminal): Promise<void> {
  const text = given === "-" ? await inputText(terminal.stdin) : (given ?? "{}")
  let event: unknown
  try {
    event = JSON.parse(text)
  } catch (cause) {
    throw new MillraceError("MR1601", `the event is not JSON (${(cause as Error).message}); quote it: '{"photo": "cat.png"}'.`)
  }
  const reply = await clientsOf(options, terminal).impatient.invoke(name, event, { signal: terminal.stopped })
  if (options.json === true) terminal.out(`${JSON.stringify(reply)}\n`)
  else terminal.err(linesOf(reply.log))
  if (reply.outcome === "returned") {
    if (options.json !== true) terminal.out(`${JSON.stringify(reply.payload, null, 2)}\n`)
    return
  }
  const { errorType, errorMessage, trace = [] } = reply.error
  if (options.json !== true) terminal.err(`${trace.join("\n")}${trace.length > 0 ? "\n" : ""}`)
  throw new MillraceError("MR1201", `function "${name}": ${errorType}: ${errorMessage}`)
}

async function redrive(name: string, options: Options & { readonly stream?: string }, terminal: Terminal): Promise<void> {
  const reply = await clientsOf(options, terminal).impatient.redrive(name, { signal: terminal.stopped, ...(options.stream === undefined ? {} : { stream: options.stream }) })
  const { batches, records, waiting, failures, events = 0 } = reply
  if (options.json === true) terminal.out(`${JSON.stringify(reply)}\n`)
  else {
    const rest = waiting === 0 ? "" : `; ${waiting} wait`
    const again = events === 0 ? "" : ` ${events} ${events === 1 ? "event" : "events"} that nobody waits for went back to the queue.`
    terminal.out(`${batches} ${batches === 1 ? "batch" : "batches"} with ${records} ${records === 1 ? "record" : "records"}${rest}.${again}\n`)
  }
  const [first] = failures
  if (first !== undefined) throw new MillraceError("MR1201", `function "${name}" failed again at ${first.shardId} of "${first.stream}": ${first.reason}`)
}

function lineOf({ name, service, timeoutMs, memoryMegabytes, instances, busy, stream, mappings, routes = [] }: FunctionReply): readonly string[] {
  const streams = mappings.length > 0 || stream === undefined ? mappings.map((each) => each.stream + standOf(each)) : [stream]
  const fed = [...streams, ...routes].join(", ")
  return [name, service, `${timeoutMs / 1000} s`, `${memoryMegabytes} MB`, `${busy} of ${instances} busy`, fed]
}

/** What is worth knowing of a mapping besides that it is there. */
function standOf({ state, shards, iteratorAgeMs, idle, dropped, error }: MappingReply): string {
  if (state !== "Enabled") return ` (${state.toLowerCase()})`
  const facts = [`${shards} ${shards === 1 ? "shard" : "shards"}`, idle ? "idle" : `${(iteratorAgeMs / 1000).toFixed(1)} s old`]
  if (dropped > 0) facts.push(`${dropped} given up`)
  if (error !== undefined) facts.push(error.code)
  return ` (${facts.join(", ")})`
}

/** What it has said itself, without the lines that Lambda puts around it. */
function linesOf(log: string): string {
  const own = log.split("\n").filter((line) => /^\S+Z\t/.test(line))
  return own.map((line) => `${line.split("\t").slice(2).join(" ")}\n`).join("")
}
