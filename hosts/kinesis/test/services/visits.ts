import { service, stream } from "millrace"

/** Keeps a count by the key of its stream. */
const visits = stream<{ user: string }>("visits", { key: ({ user }) => user, partitions: 2 })

const counted = visits.process("counted", {
  state: () => ({ n: 0 }),
  *onRecord({ user }, ctx) {
    yield { user, n: ++ctx.state.n }
  },
})

export default service("visits", [counted.to(stream("counts", { key: ({ user }: { readonly user: string }) => user, partitions: 1 }))])
