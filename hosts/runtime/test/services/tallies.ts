// Counts that are kept for every key for ever: state that grows.
import { service, stream } from "@millrace/sdk"

const visits = stream<{ who: string }>("visits", { partitions: 2, key: ({ who }) => who })
const tallies = stream<{ who: string; visits: number }>("tallies", { partitions: 2, key: ({ who }) => who })

export default service("tallies", [
  visits
    .process("tally", {
      state: () => ({ visits: 0 }),
      *onRecord({ who }, ctx) {
        ctx.state.visits++
        yield { who, visits: ctx.state.visits }
      },
    })
    .to(tallies),
])
