/** `millrace task …`: calls tasks, shows and finds their runs, cancels and retries them. */
import { type ErrorCode, isMillraceError, limits, MillraceError } from "@millrace/model"
import type { CancelFilter, Client, RetryFilter, RunFilter, RunReply, RunsOptions, RunState, RunTally, TaskReply } from "@millrace/protocol"
import type { Command } from "commander"
import { columns } from "../columns.ts"
import { example } from "../example.ts"
import { inputText } from "../input-text.ts"
import { type AddressOptions, addAddress, clientsOf } from "../node-address.ts"
import { wholeNumber } from "../option-values.ts"
import type { Terminal } from "../terminal.ts"

interface Options extends AddressOptions {
  readonly json?: true
}

interface CallOptions extends Options {
  readonly wait: boolean
  readonly key?: string
  readonly delay?: string
  readonly priority?: string
  readonly follow?: true
}

interface ListOptions extends Options, RunFilter {
  readonly task?: string
  readonly limit: number
  readonly cursor?: string
}

interface DrainOptions extends Options {
  readonly timeout: number
}

type CancelStatus = NonNullable<CancelFilter["status"]>
type RetryStatus = NonNullable<RetryFilter["status"]>

interface Filter<Status extends RunState> extends RunFilter<Status> {
  readonly task: string
}

interface BulkOptions<Status extends RunState> extends Options, RunFilter<Status> {
  readonly task?: string
}

export function define(command: Command, terminal: Terminal): void {
  command.addHelpText("after", example(`millrace task call freeze-card '{"card": "4711", "reason": "stolen"}'`, "Each of them explains itself, and has --json: millrace task call --help"))
  addJson(command.command("call"))
    .description("enqueue a run and wait for its output")
    .argument("<NAME>", "the task")
    .argument("[JSON]", "the input; - or nothing: from stdin")
    .option("--no-wait", "do not wait: print the run's id")
    .option("--follow", "print progress and pieces as they come")
    .option("--key <KEY>", "idempotency key: a repeat gets the same run")
    .option("--delay <DURATION>", "start no earlier than after this, such as 30s")
    .option("--priority <N>", "from -100 to 100; higher starts first")
    .addHelpText("after", example(`echo '{"card": "4711"}' | millrace task call freeze-card --no-wait`))
    .action((name: string, input: string | undefined, options: CallOptions) => call(name, input, options, terminal))
  addFilter(addJson(command.command("list")), true)
    .description("show the tasks, or find runs")
    .option("--task <NAME>", "runs of this task")
    .option("--status <STATUS>", "delayed, waiting, running, succeeded, failed, cancelled or expired")
    .option("--limit <N>", "at most so many", wholeNumber(1, limits.pageRunsMax), 50)
    .option("--cursor <CURSOR>", "go on from here: what the page before has said on stderr")
    .addHelpText("after", example("millrace task list --task freeze-card --status failed", "Without any filter: the tasks and how they stand."))
    .action((options: ListOptions) => list(options, terminal))
  addJson(command.command("show"))
    .description("show a run with its attempts, or a task with its schedules")
    .argument("<RUN>", "id of the run, such as freeze-card-1042; or the name of a task")
    .addHelpText("after", example("millrace task show freeze-card-1042"))
    .action((id: string, options: Options) => show(id, options, terminal))
  addFilter(addJson(command.command("cancel")), false)
    .description("cancel runs")
    .argument("[RUN...]", "ids of runs; or, with --task, all that the filter finds")
    .option("--task <NAME>", "all runs of this task that have not ended")
    .option("--status <STATUS>", "only delayed, waiting or running ones")
    .addHelpText("after", example("millrace task cancel freeze-card-1042", "Of a task: millrace task cancel --task freeze-card --status waiting"))
    .action((ids: readonly string[], options: BulkOptions<CancelStatus>) => cancel(ids, options, terminal))
  addFilter(addJson(command.command("retry")), true)
    .description("begin runs again that failed, expired or were cancelled")
    .argument("[RUN...]", "ids of runs; or, with --task, all that the filter finds")
    .option("--task <NAME>", "all runs of this task")
    .option("--status <STATUS>", "only failed, cancelled or expired ones")
    .addHelpText("after", example('millrace task retry --task freeze-card --status failed --q "timed out"'))
    .action((ids: readonly string[], options: BulkOptions<RetryStatus>) => retry(ids, options, terminal))
  for (const [name, says] of [
    ["pause", "start no more runs of a task"],
    ["resume", "start runs of a paused task again"],
  ] as const) {
    addJson(command.command(name))
      .description(says)
      .argument("<NAME...>", "the tasks")
      .addHelpText("after", example(`millrace task ${name} freeze-card`))
      .action((names: readonly string[], options: Options) => each(names, options, terminal, `${name}d`, (client, task) => client[name](task)))
  }
  addJson(command.command("drain"))
    .description("start no more runs of tasks, and wait until those under way have ended")
    .argument("<NAME...>", "the tasks")
    .option("--timeout <SECONDS>", "wait no longer than this", wholeNumber(0, 86_400), 3_600)
    .addHelpText("after", example("millrace task drain freeze-card --timeout 60", "They stay paused: millrace task resume freeze-card"))
    .action((names: readonly string[], options: DrainOptions) => drain(names, options, terminal))
}

function addJson(command: Command): Command {
  return addAddress(command).option("--json", "print JSON")
}

/** Which runs: the same where they are listed, begin again, or are cancelled. @param ended - whether they may have ended */
function addFilter(command: Command, ended: boolean): Command {
  command
    .option("--since <TIME>", "enqueued at or after this time, ISO 8601")
    .option("--until <TIME>", "enqueued before this time, ISO 8601")
    .option("--key <KEY>", "with this key")
    .option("--q <TEXT>", "whose input or error contains this")
  if (!ended) return command
  return command.option("--ended-since <TIME>", "ended at or after this time, ISO 8601").option("--ended-until <TIME>", "ended before this time, ISO 8601")
}

async function call(name: string, given: string | undefined, options: CallOptions, terminal: Terminal): Promise<void> {
  const { impatient, patient } = clientsOf(options, terminal)
  const text = given === undefined || given === "-" ? await inputText(terminal.stdin) : given
  let input: unknown
  try {
    input = JSON.parse(text)
  } catch (cause) {
    throw new MillraceError("MR1601", `the input is not JSON (${(cause as Error).message}); quote it: '{"card": "4711"}'.`)
  }
  const how = {
    ...(options.key === undefined ? {} : { idempotencyKey: options.key }),
    ...(options.delay === undefined ? {} : { delay: options.delay as `${number}s` }),
    ...(options.priority === undefined ? {} : { priority: Number(options.priority) }),
  }
  if (options.wait && options.follow !== true) {
    const output = await patient.task(name).call(input, { ...how, signal: terminal.stopped })
    terminal.out(`${JSON.stringify(output, null, options.json === true ? 0 : 2)}\n`)
    return
  }
  const id = await impatient.task(name).send(input, how)
  if (!options.wait) {
    terminal.out(options.json === true ? `${JSON.stringify({ id })}\n` : `${id}\n`)
    return
  }
  let ended = false
  for await (const event of patient.followRun(id, { signal: terminal.stopped })) {
    if (options.json === true) terminal.out(`${JSON.stringify(event)}\n`)
    else if (event.kind === "attempt") terminal.err(`attempt ${event.attempt}\n`)
    else if (event.kind === "missed") terminal.err(`missed ${event.count} events\n`)
    else if (event.kind === "progress") terminal.err(`progress ${JSON.stringify(event.value)}\n`)
    else if (event.kind === "chunk") terminal.out(`${typeof event.value === "string" ? event.value : JSON.stringify(event.value)}\n`)
    if (event.kind !== "end") continue
    ended = true
    const { status, problem, output } = event.run
    if (status !== "succeeded") throw new MillraceError(problem?.code ?? "MR1201", `${id} has ${status}: ${problem?.detail ?? "no reason is known"}`)
    if (options.json !== true) terminal.out(`${JSON.stringify(output, null, 2)}\n`)
  }
  if (!ended) terminal.stopped.throwIfAborted()
}

/** How often it is looked whether runs are under way, in ms. */
const drainLookMs = 100

async function drain(names: readonly string[], { timeout, ...options }: DrainOptions, terminal: Terminal): Promise<void> {
  const { impatient } = clientsOf(options, terminal)
  for (const name of names) await impatient.pause(name)
  const until = performance.now() + timeout * 1_000
  for (;;) {
    const running = (await impatient.tasks()).filter(({ name, counts }) => names.includes(name) && counts.running > 0)
    if (running.length === 0) break
    if (performance.now() >= until || terminal.stopped.aborted) {
      const still = running.map(({ name, counts }) => `${name} (${counts.running})`).join(", ")
      throw new MillraceError("MR1202", `runs are still under way: ${still}. Nothing new starts; wait on with the same command, or cancel them.`)
    }
    await new Promise((next) => setTimeout(next, drainLookMs))
  }
  terminal.out(options.json === true ? `${JSON.stringify({ drained: names })}\n` : names.map((name) => `${name}: drained, and paused\n`).join(""))
}

async function list({ url, json, limit, cursor: from, ...search }: ListOptions, terminal: Terminal): Promise<void> {
  const { impatient } = clientsOf(url === undefined ? {} : { url }, terminal)
  if (Object.keys(search).length === 0 && from === undefined) {
    const tasks = await impatient.tasks()
    if (json === true) for (const task of tasks) terminal.out(`${JSON.stringify(task)}\n`)
    else terminal.out(tasks.length === 0 ? "This node has no tasks.\n" : columns([["task", ...shownStates, "next", ""], ...tasks.map(standOf)]))
    return
  }
  const shown: RunReply[] = []
  let cursor = from
  do {
    const more: RunsOptions = { ...search, limit: limit - shown.length, ...(cursor === undefined ? {} : { cursor }) }
    const page = await impatient.runs(more)
    shown.push(...page.runs)
    ;({ cursor } = page)
  } while (cursor !== undefined && shown.length < limit)
  if (json === true) for (const run of shown) terminal.out(`${JSON.stringify(run)}\n`)
  else terminal.out(shown.length === 0 ? "No runs.\n" : columns([["run", "status", "enqueued", "attempts", "key", "input or error"], ...shown.map(lineOf)]))
  // Not among the results, so that --json stays one run a line.
  if (cursor !== undefined) terminal.err(`These are ${shown.length}; there may be more. The same command goes on with --cursor ${cursor}\n`)
}

/** @param named - a run's id, or a task's name */
async function show(named: string, options: Options, terminal: Terminal): Promise<void> {
  const { impatient } = clientsOf(options, terminal)
  try {
    const run = await impatient.run(named)
    terminal.out(options.json === true ? `${JSON.stringify(run)}\n` : details(run))
  } catch (error) {
    if (!isMillraceError(error) || error.code !== "MR1024") throw error
    const task = (await impatient.tasks()).find(({ name }) => name === named)
    if (task === undefined) throw error
    terminal.out(options.json === true ? `${JSON.stringify(task)}\n` : taskDetails(task))
  }
}

async function cancel(ids: readonly string[], options: BulkOptions<CancelStatus>, terminal: Terminal): Promise<void> {
  const filter = filterOf(ids, options)
  if (filter === undefined) return each(ids, options, terminal, "cancelled", (client, id) => client.cancel(id))
  tell(await clientsOf(options, terminal).impatient.cancelAll(filter), ["is cancelled", "are cancelled"], options, terminal)
}

async function retry(ids: readonly string[], options: BulkOptions<RetryStatus>, terminal: Terminal): Promise<void> {
  const filter = filterOf(ids, options)
  if (filter === undefined) return each(ids, options, terminal, "begins again", (client, id) => client.retry(id))
  tell(await clientsOf(options, terminal).impatient.retryAll(filter), ["begins again", "begin again"], options, terminal)
}

/** Which runs are meant; undefined: those that are named. */
function filterOf<Status extends RunState>(ids: readonly string[], options: BulkOptions<Status>): Filter<Status> | undefined {
  const { url: _, json: __, task, ...filter } = options
  if (task !== undefined && ids.length === 0) return { task, ...filter }
  if (task !== undefined || ids.length === 0 || Object.keys(filter).length > 0) {
    throw new MillraceError("MR1601", "give ids of runs, or --task NAME and perhaps a filter for all that it finds.")
  }
  return undefined
}

function tell({ count, done }: RunTally, [one, many]: readonly [string, string], { json }: Options, terminal: Terminal): void {
  const told = count === 0 && done ? "No run fits." : `${count} ${count === 1 ? `run ${one}` : `runs ${many}`}${done ? "" : " so far; the others follow"}.`
  terminal.out(`${json === true ? JSON.stringify({ count, done }) : told}\n`)
}

async function each(
  names: readonly string[],
  options: Options,
  terminal: Terminal,
  done: string,
  act: (client: Client, name: string) => Promise<void>,
): Promise<void> {
  const { impatient } = clientsOf(options, terminal)
  for (const name of names) {
    try {
      await act(impatient, name)
      terminal.out(options.json === true ? `${JSON.stringify({ name, done: true })}\n` : `${name}: ${done}\n`)
    } catch (error) {
      // What is wrong with one is no reason to leave out the others; a node that does not answer is.
      if (names.length === 1 || !isMillraceError(error) || !ofOne.has(error.code)) throw error
      terminal.exitCode = 1
      if (options.json === true) terminal.out(`${JSON.stringify({ name, done: false, code: error.code, detail: error.message })}\n`)
      else terminal.err(`${name}: ${error.message} [${error.code}]\n`)
    }
  }
}

/** Faults of one run or task among those that were named: there is none, or it has ended. */
const ofOne: ReadonlySet<string> = new Set<ErrorCode>(["MR1022", "MR1024", "MR1032"])

const shownStates = ["waiting", "delayed", "running", "succeeded", "failed", "cancelled", "expired"] as const

function standOf({ name, counts, paused, cron = [] }: TaskReply): readonly string[] {
  const [next = ""] = cron.flatMap(({ nextAt = [] }) => nextAt).toSorted()
  return [name, ...shownStates.map((state) => String(counts[state])), next, paused ? "paused" : ""]
}

function taskDetails({ name, description, paused, counts, oldestReadyAt, concurrency, cron = [] }: TaskReply): string {
  const facts: [string, string | undefined][] = [
    ["task", name],
    ["says", description],
    ["state", paused ? "paused" : "starts runs"],
    ["runs", shownStates.flatMap((state) => (counts[state] === 0 ? [] : `${counts[state]} ${state}`)).join(", ") || "none"],
    ["oldest", oldestReadyAt === undefined ? undefined : `waits since ${oldestReadyAt}`],
    ["at once", String(concurrency)],
    ...cron.map(({ expression, timeZone, nextAt }): [string, string] => ["cron", `${expression} ${timeZone}, ${nextAt === undefined ? "never again" : `next ${nextAt}`}`]),
  ]
  return factLines(facts)
}

function lineOf({ id, status, enqueuedAt, attempt, key = "", input, problem }: RunReply): readonly string[] {
  const said = problem?.detail ?? JSON.stringify(input)
  return [id, status, enqueuedAt, String(attempt), key, said.length > 80 ? `${said.slice(0, 79)}…` : said]
}

function details(run: RunReply): string {
  const { id, task, status, enqueuedAt, scheduledAt, startedAt, finishedAt, dueAt, trigger, key, input, output, problem, attempts, logs: current = [] } = run
  const facts: [string, string | undefined][] = [
    ["run", id],
    ["task", task],
    ["status", status],
    ["key", key],
    ["enqueued", `${enqueuedAt} by ${trigger === "event" ? "an" : "a"} ${trigger}`],
    ["scheduled", scheduledAt],
    ["due", dueAt],
    ["started", startedAt],
    ["finished", finishedAt],
    ["input", JSON.stringify(input)],
    ["output", output === undefined ? undefined : JSON.stringify(output)],
    ["error", problem === undefined ? undefined : `${problem.detail} [${problem.code}]`],
  ]
  const told = attempts.flatMap(({ outcome, startedAt: from, endedAt: to, problem: why, logs = [] }) => [
    `${from}  ${outcome} after ${Date.parse(to) - Date.parse(from)} ms${why === undefined ? "" : `: ${why.detail}`}`,
    ...logs.map((line) => `  ${line}`),
  ])
  if (current.length > 0) told.push(`${startedAt ?? enqueuedAt}  under way`, ...current.map((line) => `  ${line}`))
  return `${factLines(facts)}${told.map((line) => `${line}\n`).join("")}`
}

function factLines(facts: ReadonlyArray<readonly [string, string | undefined]>): string {
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(9)} ${value}\n`])).join("")
}
