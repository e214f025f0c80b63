/** GET /metrics: figures for Prometheus. */
import { exposition } from "../exposition.ts"
import type { Handler } from "../gate.ts"

export const metrics: Handler = async (_, gate) => {
  const { text, contentType } = await exposition({
    metrics: gate.metrics,
    readers: gate.readers,
    samples: gate.node.samples(),
  })
  return new Response(text, { headers: { "content-type": contentType } })
}
