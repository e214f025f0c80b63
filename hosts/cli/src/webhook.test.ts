// Webhooks from a node to a server that checks them with a library that others wrote.
import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { text } from "node:stream/consumers"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { Webhook } from "standardwebhooks"
import { serve } from "../test/served.ts"
import { connect } from "./client.ts"
import { webhook } from "./webhook.ts"

const secret = `whsec_${Buffer.from("a secret of more than 24 bytes").toString("base64")}`

test("a webhook is signed, repeated until it is taken, and known by its run", async (t) => {
  const taken: { readonly id: unknown; readonly body: unknown }[] = []
  const traces: unknown[] = []
  let failures = 2
  const receiver = createServer((request, response) => {
    void text(request).then((body) => {
      const verified: unknown = new Webhook(secret).verify(body, request.headers as Record<string, string>)
      traces.push(`${request.headers["traceparent"]} ${request.headers["tracestate"]}`)
      taken.push({ id: request.headers["webhook-id"], body: verified })
      response.statusCode = failures-- > 0 ? 500 : JSON.stringify(verified).includes("gone") ? 410 : 204
      response.end()
    })
  }).listen(0, "127.0.0.1")
  await once(receiver, "listening")
  const { port } = receiver.address() as AddressInfo
  const module = `import { service } from "millrace"
import { webhook } from "millrace/webhook"
const tell = webhook("tell", { url: "http://127.0.0.1:${port}/hook", secret: "${secret}", retry: { attempts: 5, backoff: { first: "10ms" } } })
export default service("hooks", [tell])
`
  const { node, close } = await serve({ "service.ts": module }, { log: "silent" })
  t.after(async () => {
    await close()
    receiver.close()
  })
  const client = connect(node.url)
  const message = { type: "card.frozen", data: { card: "4711", note: "naïve ☃" } }
  assert.deepEqual(await client.task("tell").call(message), { status: 204 })
  assert.deepEqual(taken, [1, 2, 3].map(() => ({ id: "tell-0", body: message })))
  await assert.rejects(client.task("tell").call({ type: "gone" }), /410 Gone/)
  assert.equal(taken.length, 4)
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
  const headers = { "content-type": "application/json", prefer: "wait=10", traceparent, tracestate: "rojo=1" }
  assert.equal((await fetch(`${node.url}/v1/tasks/tell/runs`, { method: "POST", headers, body: '{"type":"traced"}' })).status, 200)
  assert.equal(traces.at(-1), `${traceparent} rojo=1`)
})

test("a receiver, a call or a failure that asks for a far time hides no run from whoever lists them", async (t) => {
  const receiver = createServer((request, response) => {
    void text(request).then((body) => {
      const { type } = JSON.parse(body) as { readonly type: string }
      const after = type === "seconds" ? "99999999999999" : new Date(Date.now() + 60_000_000).toUTCString()
      response.writeHead(503, { "retry-after": after }).end()
    })
  }).listen(0, "127.0.0.1")
  await once(receiver, "listening")
  const { port } = receiver.address() as AddressInfo
  const module = `import { RetryAfter, service, task } from "millrace"
import { webhook } from "millrace/webhook"
const tell = webhook("tell", { url: "http://127.0.0.1:${port}/hook", secret: "${secret}" })
const far = task("far", { retry: 1, run: () => { throw new RetryAfter("99999999d") } })
export default service("hooks", [tell, far])
`
  const { node, close } = await serve({ "service.ts": module }, { log: "silent" })
  t.after(async () => {
    await close()
    receiver.close()
  })
  const client = connect(node.url)
  const began = Date.now()
  const delayed = async (id: string): Promise<number> => {
    for (;;) {
      const { status, dueAt = "" } = await client.run(id)
      if (status === "delayed") return Date.parse(dueAt) - began
      await new Promise((resolve) => void setImmediate(resolve))
    }
  }
  const day = await delayed(await client.task("tell").send({ type: "seconds" }))
  assert.ok(day >= 86_400_000 && day < 2 * 86_400_000, `bounded to a day: ${day}`)
  const date = await delayed(await client.task("tell").send({ type: "date" }))
  assert.ok(date >= 59_999_000 && date < 86_400_000, `a date is heeded: ${date}`)
  await assert.rejects(client.task("far").call({}), /RetryAfter: "99999999d" is longer than the longest delay; give at most "11574d"/)
  await assert.rejects(
    client.task("tell").send({ type: "call" }, { delay: "99999999d" }),
    (error) => isMillraceError(error) && error.code === "MR1009" && error.message.startsWith("delay=99999999d is longer than the longest delay; give at most 11574d"),
  )
  const answer = await fetch(`${node.url}/v1/runs?status=delayed`)
  assert.equal(((await answer.json()) as { readonly runs: readonly unknown[] }).runs.length, 2)
})

test("an address that anyone could read, and a secret that is none, are refused; the secret is not told", () => {
  for (const [url, given] of [
    ["http://shop.example/hook", secret],
    ["shop.example", secret],
    ["https://shop.example/hook", "hunter2-hunter2-hunter2"],
    ["https://shop.example/hook", "whsec_c2hvcnQ="],
  ] as const) {
    assert.throws(
      () => webhook("tell", { url, secret: given }),
      (error) => isMillraceError(error) && error.code === "MR1101" && !error.message.includes("hunter2") && !JSON.stringify(error.details).includes(given),
    )
  }
})

test("an option of a webhook that there is not is refused, the nearest named", () => {
  assert.throws(
    () => webhook("tell", { url: "https://shop.example/hooks", secret, retries: 3 } as never),
    (error) => isMillraceError(error) && error.code === "MR1101" && error.message.startsWith('webhook "tell": there is no option "retries"; there are, nearest first: retry, '),
  )
})
