// Tasks that call themselves and wait for it.
import { service, task } from "@millrace/sdk"
import { z } from "zod"

const tree = task("tree", {
  input: z.number(),
  retry: 1,
  concurrency: 4,
  run: async (depth): Promise<number> => (depth === 0 ? 0 : 1 + (await tree.call(depth - 1))),
})

const keyed = task("keyed", {
  input: z.array(z.string()),
  retry: 1,
  concurrency: { perKey: 1 },
  key: ([card = ""]) => card,
  async run([card = "", ...more]): Promise<string> {
    if (more.length === 0) return card
    const called = await keyed.send(more)
    return called.result()
  },
})

export default service("circles", [tree, keyed])
