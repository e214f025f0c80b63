// Tasks with large inputs and outputs.
import { service, stream, task } from "@millrace/sdk"
import { z } from "zod"

const size = z.object({ size: z.number(), pad: z.string().optional() })

/** Gives as many characters as it is told to. */
export const grow = task("grow", { input: size, output: z.object({ pad: z.string() }), retry: 1, retention: "1s", run: ({ size }) => ({ pad: "x".repeat(size) }) })

/** Tells how long its input is. */
export const measure = task("measure", { input: z.object({ pad: z.string() }), output: z.object({ length: z.number() }), run: ({ pad }) => ({ length: pad.length }) })

/** Lets another task have a large input, and gets its large output. */
export const relay = task("relay", {
  input: size,
  async run({ size }) {
    const { pad } = await grow.call({ size })
    return measure.call({ pad })
  },
})

/** Its outputs are read as a stream. */
export const told = task("told", { input: size, output: z.object({ pad: z.string() }), retry: 1, run: ({ size }) => ({ pad: "x".repeat(size) }) })

export default service("large", [grow, measure, relay, told, told.output.map(({ pad }) => ({ length: pad.length })).to(stream("lengths"))])
