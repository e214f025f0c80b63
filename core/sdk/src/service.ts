/**
 * A service: what is deployed, scaled and restarted as one. It is made of what its outlets reach, compiled as it is
 * defined, so that a graph that cannot run is refused where it was written.
 */
import { MillraceError, type Program } from "@millrace/model"
import { compileParts, type Part } from "./compile/compile.ts"
import type { Definition, Origin, StreamDefinition, TaskDefinition } from "./definition.ts"
import type { Keying } from "./flow/flow.ts"
import type { LambdaFunction } from "./function/function.ts"
import { checkedName } from "./setting.ts"
import type { Stream } from "./stream.ts"
import { isTaskDefinition, type Outlet, type SinkDefinition, type TaskType } from "./target.ts"
import type { Task } from "./task/task.ts"

/** Recognises a service from whichever copy of this package: a bundle brings its own. */
const program: unique symbol = Symbol.for("millrace.service")

/** A service, from {@link service}. */
export interface Service<Tasks = unknown> {
  readonly name: string
  readonly [program]: Program
  /** Never there: inputs and outputs of its tasks by their names, for typed clients. */
  readonly "~tasks"?: Tasks | undefined
}

/** What a service may be made of. */
export type ServicePart = Outlet | Stream<never, unknown, Keying> | Task<never, unknown> | LambdaFunction

/** The tasks among the parts: those that are parts, and those that outlets end in. */
type TaskTypes<Part> = Part extends { readonly "~task"?: infer Called } ? Extract<Called, TaskType<string, never, unknown>> : never

/**
 * Inputs and outputs, by their names, of the tasks among the parts and of those that flows end in. A task of which flows only read the
 * `output` is in the service, but its type is not among these unless it is a part too.
 */
export type TasksAmong<Parts extends readonly unknown[]> = {
  readonly [Called in TaskTypes<Parts[number]> as Called[0]]: Called extends TaskType<string, infer In, infer Out> ? readonly [In, Out] : never
}

/**
 * Makes a service of all that the given outlets reach. Export it as the module's default.
 *
 * @param name - letters, digits, ".", "_" and "-", at most 128; state is kept under it
 * @param parts - outlets, from `.to(…)`; also tasks, functions, and streams that are only to be kept
 * @throws MR1101 for a name or part that is not valid
 * @throws MR1102 when two definitions share a name
 * @throws MR1103 when the graph cannot run
 * @example
 * ```ts
 * export default service("fraud", [velocity.to(files("velocity"))])
 * ```
 */
export function service<const Parts extends readonly ServicePart[]>(name: string, parts: Parts): Service<TasksAmong<Parts>> {
  checkedName(name, "service")
  if (!Array.isArray(parts)) {
    throw new MillraceError(
      "MR1101",
      `service ${JSON.stringify(name)}: give an array of outlets, such as [hourly.to(files("hourly"))].`,
    )
  }
  return Object.freeze({
    name,
    [program]: compileParts(
      name,
      parts.map((part, index) => partOf(part, name, index)),
    ),
  })
}

/** The plan of a service and its code. */
export function compile(of: Service): Program {
  return of[program]
}

/** Whether a thing is a service, from whichever copy of this package. Never throws. */
export function isService(thing: unknown): thing is Service {
  return typeof thing === "object" && thing !== null && program in thing
}

/**
 * The service that a module exports as its default, or as its only export that is a service.
 *
 * @param module - the module's namespace, as `import()` gives it
 * @param file - names the module in the error
 * @throws MR1104 when there is none, or more than one to choose from
 */
export function serviceOf(module: Readonly<Record<string, unknown>>, file: string): Service {
  const chosen = module["default"]
  if (isService(chosen)) return chosen
  const services = [...new Set(Object.values(module).filter(isService))]
  const [only] = services
  if (only !== undefined && services.length === 1) return only
  throw new MillraceError(
    "MR1104",
    services.length === 0
      ? `${file} does not export a service. End it with: export default service("name", [ … ])`
      : `${file} exports ${services.length} services (${services.map(({ name }) => name).join(", ")}) and none as ` +
        "its default. Make one the default export.",
    { file },
  )
}

function partOf(part: unknown, name: string, index: number): Part {
  if (typeof part === "object" && part !== null) {
    const joined = (part as Partial<Outlet>)["~outlet"]
    if (joined !== undefined) return joined
    const called = (part as Partial<LambdaFunction>)["~function"]
    if (called !== undefined) return { from: undefined, target: called }
    const target = (part as { readonly "~target"?: StreamDefinition | SinkDefinition | TaskDefinition })["~target"]
    if (target !== undefined && isTaskDefinition(target)) return { from: undefined, target }
    const from = (part as { readonly "~origin"?: Origin })["~origin"]
    if (from !== undefined && isStream(from.definition)) return { from, target: undefined }
  }
  throw new MillraceError(
    "MR1101",
    `service ${JSON.stringify(name)}: part ${index} is not an outlet. ` +
      'A flow becomes one at its end: .to(files("name")) or .to(stream).',
    { index },
  )
}

function isStream(definition: Definition): boolean {
  return definition.kind === "stream"
}
