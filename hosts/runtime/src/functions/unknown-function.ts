/** What is said of a function that a node does not have. */
import { MillraceError } from "@millrace/model"

/** Names that are listed at most. */
const namesMax = 20

/** @param known - names of the functions that there are */
export function unknownFunction(name: string, known: readonly string[]): MillraceError {
  const mend = known.length === 0 ? "This node has none: give a service one, with fn(…)." : `There are: ${listed(known)}.`
  return new MillraceError("MR1031", `There is no function ${JSON.stringify(name.slice(0, 200))}. ${mend}`, { function: name.slice(0, 200) })
}

/** @param fed - names of the functions that a stream feeds */
export function unfedFunction(name: string, fed: readonly string[]): MillraceError {
  const mend = fed.length === 0 ? "No stream of this node feeds one: give fn(…) an `on`." : `Streams feed: ${listed(fed)}.`
  return new MillraceError("MR1031", `No stream feeds function ${JSON.stringify(name.slice(0, 200))}. ${mend}`, { function: name.slice(0, 200) })
}

/** @param streams - those that do feed it */
export function unfedFrom(name: string, stream: string, streams: readonly string[]): MillraceError {
  return new MillraceError("MR1031", `Stream ${JSON.stringify(stream.slice(0, 200))} does not feed function "${name}". It is fed by: ${listed(streams)}.`, { function: name, stream: stream.slice(0, 200) })
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, namesMax).join(", ")}${names.length > namesMax ? ", …" : ""}`
}
