/**
 * A keyed process in the plainest way: one map of states, one list of timers, searched from end to end for the earliest.
 * What a record asks of the process is in the record, so that random records are random programs.
 */

/** What a handler does, one after the other. Times count from the record's or the timer's own. */
export type Command =
  | { readonly do: "add"; readonly n: number }
  | { readonly do: "emit" }
  | { readonly do: "set"; readonly in: number }
  | { readonly do: "unset"; readonly in: number }
  | { readonly do: "clear" }
  /** The commands that the key's next timer carries out. */
  | { readonly do: "plan"; readonly commands: readonly Command[] }
  | { readonly do: "throw" }

export interface Order {
  readonly k: string
  /** Event time in ms. */
  readonly t: number
  readonly commands: readonly Command[]
}

export interface State {
  sum: number
  plan: readonly Command[]
}

export interface Said {
  readonly key: string
  readonly time: number
  readonly sum: number
  /** The watermark as the handler saw it. */
  readonly watermark: number
  readonly from: "record" | "timer"
}

interface Kept {
  state: State | undefined
  timers: Set<number>
}

/** What one partition says, in order; an order or timer that throws says and changes nothing and is counted. */
export function processOf(
  orders: readonly Order[],
  outOfOrder: number,
  ended: boolean,
): { readonly said: Said[]; readonly failed: string[] } {
  let kept = new Map<string, Kept>()
  let watermark = -Infinity
  let highest = -Infinity
  const said: Said[] = []
  const failed: string[] = []

  const handle = (
    key: string,
    time: number,
    seen: number,
    from: Said["from"],
    commandsOf: (state: State) => readonly Command[],
  ): void => {
    const before = structuredClone(kept)
    const { length } = said
    try {
      const mine = kept.get(key) ?? { state: { sum: 0, plan: [] }, timers: new Set() }
      kept.set(key, mine)
      const state = (): State => (mine.state ??= { sum: 0, plan: [] })
      for (const command of commandsOf(state())) {
        if (command.do === "add") state().sum += command.n
        if (command.do === "emit") said.push({ key, time, sum: state().sum, watermark: seen, from })
        if (command.do === "set") mine.timers.add(time + command.in)
        if (command.do === "unset") mine.timers.delete(time + command.in)
        if (command.do === "plan") state().plan = command.commands
        if (command.do === "clear") {
          mine.state = undefined
          mine.timers.clear()
        }
        if (command.do === "throw") throw new Error("as told")
      }
    } catch {
      kept = before
      said.length = length
      failed.push(`${from} ${key} ${time}`)
    }
  }

  const fire = (to: number): void => {
    for (let reached = watermark; ;) {
      const earliest = Math.min(...[...kept.values()].flatMap(({ timers }) => [...timers]))
      if (earliest === Infinity || earliest > to) return
      reached = Math.max(reached, earliest)
      const keys = [...kept]
        .filter(([, { timers }]) => timers.has(earliest))
        .map(([key]) => key)
        .toSorted()
      for (const key of keys) kept.get(key)?.timers.delete(earliest)
      for (const key of keys) {
        handle(key, earliest, reached, "timer", (state) => {
          const { plan } = state
          state.plan = []
          return [{ do: "emit" }, ...plan]
        })
      }
    }
  }

  const move = (to: number): void => {
    if (to <= watermark) return
    fire(to)
    watermark = to
  }

  for (const { k, t, commands } of orders) {
    highest = Math.max(highest, t)
    move(highest - outOfOrder)
    handle(k, t, watermark, "record", () => commands)
  }
  if (ended) move(Infinity)
  return { said, failed }
}
