// The typed client in a real browser: Debian's Chromium, and a page of another origin than the node's, as the guide describes it.
import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { stripTypeScriptTypes } from "node:module"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { after, before, test } from "node:test"
import { type Browser, chromium } from "playwright-core"
import { workplace } from "../test/cli.ts"
import { type RunningNode, startNode } from "./node.ts"

const root = path.resolve(import.meta.dirname, "../../..")
const service = `
import { service, task } from "millrace"
import { z } from "zod"
const gates = new Map()
const open = (name) => gates.get(name) ?? gates.set(name, Promise.withResolvers()).get(name)
export const greet = task("greet", {
  input: z.object({ name: z.string() }),
  output: z.object({ greeting: z.string() }),
  async run({ name }, ctx) {
    // Until the page has seen the progress, there is no output.
    await open(name).promise
    ctx.progress({ half: name })
    await open(name + " seen").promise
    return { greeting: "hello " + name }
  },
})
export const pass = task("pass", { run: (name) => { open(name).resolve(); return null } })
export default service("greetings", [greet, pass])
`
const page = `<!doctype html><title>greetings</title><p id="progress"></p><p id="greeting"></p>
<script type="importmap">{"imports":{"@millrace/protocol":"/modules/core/protocol/src/index.ts","@millrace/model":"/modules/core/model/src/index.ts"}}</script>
<script type="module">
import { createClient } from "@millrace/protocol"
const sleep = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms)
  signal?.addEventListener("abort", () => { clearTimeout(timer); resolve() })
})
const client = createClient({ url: new URLSearchParams(location.search).get("node"), fetch: (url, request) => fetch(url, request), sleep, random: Math.random })
window.client = client
window.greet = async (name) => {
  const id = await client.task("greet").send({ name })
  const following = (async () => {
    for await (const event of client.followRun(id)) {
      if (event.kind === "run") await client.task("pass").call(name)
      if (event.kind === "progress") {
        document.querySelector("#progress").textContent = event.value.half
        await client.task("pass").call(name + " seen")
      }
      if (event.kind === "end") document.querySelector("#greeting").textContent = event.run.output.greeting
    }
  })()
  await following
}
window.ready = true
</script>`

const place = workplace()
let node: RunningNode
let front: Server
let browser: Browser
let url: string
let elsewhere: string

/** Serves the page and its modules, nothing of the node. */
function pageServer(): Server {
  return createServer((incoming, outgoing) => {
    const { pathname: address } = new URL(incoming.url ?? "/", "http://page")
    if (address.startsWith("/modules/core/") && !address.includes("..")) {
      const source = readFileSync(path.join(root, address.slice("/modules/".length)), "utf8")
      outgoing.writeHead(200, { "content-type": "text/javascript" }).end(stripTypeScriptTypes(source))
    } else outgoing.writeHead(address === "/" ? 200 : 404, { "content-type": "text/html" }).end(address === "/" ? page : "")
  })
}

before(async () => {
  const file = path.join(place.dir, "greetings.ts")
  writeFileSync(file, service)
  front = pageServer()
  await new Promise<void>((listening) => front.listen(0, "127.0.0.1", listening))
  const { port } = front.address() as AddressInfo
  const named = `http://127.0.0.1:${port}`
  node = await startNode({ files: [file], dataDir: path.join(place.dir, "data"), port: 0, workers: 1, log: "error", cors: [named] })
  const query = `?node=${encodeURIComponent(node.url)}`
  url = `${named}/${query}`
  // The same page by another name is of another origin, which nobody named.
  elsewhere = `http://localhost:${port}/${query}`
  browser = await chromium.launch({ executablePath: process.env["MILLRACE_TEST_CHROMIUM"] ?? "/usr/bin/chromium", args: ["--no-sandbox"] })
})

after(async () => {
  await browser?.close()
  front?.closeAllConnections()
  front?.close()
  await node?.close()
  place.remove()
})

test("a page calls a task, sees its progress while it runs, and its output", async () => {
  const tab = await browser.newPage()
  const faults: string[] = []
  tab.on("pageerror", (error) => faults.push(error.message))
  await tab.goto(url)
  await tab.waitForFunction("window.ready")
  await tab.evaluate('window.greet("ada")')
  assert.deepEqual([await tab.textContent("#progress"), await tab.textContent("#greeting"), faults], ["ada", "hello ada", []])
})

test("a page of another origin calls a task, once its origin was named", async () => {
  const tab = await browser.newPage()
  await tab.goto(url)
  // What the browser lets the page see of a plain request.
  const told = await tab.evaluate(
    `fetch("${node.url}/v1/tasks/pass/runs", { method: "POST", body: '"nobody"', headers: { "content-type": "application/json", "idempotency-key": "once", prefer: "wait=20" } })
      .then(async (answer) => [answer.status, await answer.json(), location.origin === new URL("${node.url}").origin])`,
  )
  assert.deepEqual(told, [200, null, false])
  const address = await tab.evaluate(
    `fetch("${node.url}/v1/tasks/pass/runs", { method: "POST", body: '"nobody"', headers: { "content-type": "application/json" } }).then((answer) => answer.headers.get("location"))`,
  )
  assert.match(String(address), /^\/v1\/runs\/pass-\d+$/)
})

test("a page hears each fault of its input", async () => {
  const tab = await browser.newPage()
  await tab.goto(url)
  await tab.waitForFunction("window.ready")
  const told = await tab.evaluate('window.client.task("greet").send({ name: 7 }).catch(({ code, details }) => [code, details.faults[0].path])')
  assert.deepEqual(told, ["MR1023", "name"])
})

test("a page of another origin is refused by the node itself, and nothing is enqueued", async () => {
  const tab = await browser.newPage()
  await tab.goto(elsewhere)
  const before = (await (await fetch(`${node.url}/v1/runs?task=greet`)).json()) as { readonly runs: readonly unknown[] }
  const told = await tab.evaluate(
    `fetch("${node.url}/v1/tasks/greet/runs", { method: "POST", body: '{"name":"eve"}', headers: { "content-type": "application/json" } }).then(() => "answered", (error) => error.name)`,
  )
  assert.equal(told, "TypeError")
  assert.deepEqual(await (await fetch(`${node.url}/v1/runs?task=greet`)).json(), before)
})
