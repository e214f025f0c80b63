/** GET /metrics: figures for Prometheus. */
import { exposition } from "../exposition.ts"
import type { Handler } from "../gate.ts"
import type { GatewayNode } from "../node.ts"
import type { Sample } from "../sample.ts"

export const metrics: Handler = async (_, gate) => {
  const { text, contentType } = await exposition({
    metrics: gate.metrics,
    readers: gate.readers,
    samples: [...gate.node.samples(), ...(await taskSamples(gate.node))],
  })
  return new Response(text, { headers: { "content-type": contentType } })
}

/** None while the node cannot be asked: the other figures tell why. */
async function taskSamples({ tasks, unready }: GatewayNode): Promise<readonly Sample[]> {
  if (tasks.plans.length === 0 || unready !== undefined) return []
  try {
    return await tasks.samples()
  } catch {
    return []
  }
}
