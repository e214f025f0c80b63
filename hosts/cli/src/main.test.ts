import assert from "node:assert/strict"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import path from "node:path"
import { after, before, test } from "node:test"
import { LongRun, millrace, workplace } from "../test/cli.ts"
import { commands } from "./commands.ts"

let place: ReturnType<typeof workplace>
const service = `
import { service, stream } from "millrace"
export default service("notes", [stream("notes", { partitions: 1 })])
`

before(() => {
  place = workplace()
  writeFileSync(path.join(place.dir, "service.ts"), service)
})

after(() => place.remove())

interface Ready {
  readonly event: string
  readonly url: string
  readonly services: readonly string[]
  readonly pid: number
}

test("every command explains itself with an example", async () => {
  const helps = await Promise.all(
    Object.keys(commands).map(async (name) => ({ name, ...(await millrace([name, "--help"])) })),
  )
  for (const { name, code, out } of helps) {
    assert.equal(code, 0, name)
    assert.match(out, new RegExp(`Example:\\n  \\$ millrace ${name} `), name)
    assert.match(out, /--json/, name)
  }
})

test("the list of commands is shown when asked for, and on stderr when none is named", async () => {
  const asked = await millrace(["--help"])
  assert.equal(asked.code, 0)
  for (const name of Object.keys(commands)) assert.match(asked.out, new RegExp(`^  ${name} `, "m"))
  const bare = await millrace([])
  assert.deepEqual([bare.code, bare.out], [2, ""])
  assert.match(bare.err, /\[MR1601\]/)
})

for (const [what, words, said] of [
  ["an unknown command", ["mend"], /unknown command 'mend'\. See millrace --help\. \[MR1601\]/],
  ["a missing argument", ["produce"], /missing required argument 'STREAM'\. See millrace produce --help\. \[MR1601\]/],
  [
    "an unknown option",
    ["tail", "notes", "--form", "earliest"],
    /unknown option '--form'.*See millrace tail --help\. \[MR1601\]/s,
  ],
  ["a value out of bounds", ["produce", "notes", "--batch", "0"], /whole number from 1 to .*\[MR1601\]/],
  ["a format that there is not", ["produce", "notes", "--format", "xml"], /Allowed choices are ndjson, .*\[MR1601\]/],
  ["a certificate without its key", ["start", "--tls-cert", "node.pem"], /^millrace: --tls-cert is of no use without --tls-key: give both, or none\. \[MR1601\]\n$/],
  ["a key without its certificate", ["start", "--tls-key", "node.key"], /--tls-key is of no use without --tls-cert/],
] as const) {
  test(`${what} is a wrong use: exit code 2 and a sentence`, async () => {
    const { code, out, err } = await millrace(words)
    assert.equal(code, 2)
    assert.equal(out, "")
    assert.match(err, said)
    assert.equal(err.trimEnd().split("\n").length, 1, "one line")
  })
}

test("with --json a failure is one line of JSON on stderr", async () => {
  const { code, out, err } = await millrace(["produce", "--json"])
  assert.deepEqual([code, out], [2, ""])
  const { error } = JSON.parse(err) as { error: { code: string; detail: string } }
  assert.equal(error.code, "MR1601")
})

test("a node that is not there is named with its address and the mend (MR1602)", async () => {
  const url = `http://127.0.0.1:${await freePort()}`
  const { code, err } = await millrace(["tail", "notes", "--url", url])
  assert.equal(code, 1)
  assert.match(err, new RegExp(`^millrace: No node answers at ${url}.* \\[MR1602\\]\n$`))
  assert.match(err, /millrace start/)
})

test("a service file that is not there is named (MR1104)", async () => {
  const { code, err } = await millrace(["start", "nowhere.ts"])
  assert.equal(code, 1)
  assert.match(err, /There is no file .*nowhere\.ts\..*\[MR1104\]/)
})

test("a port in use is named, and the node lets go of its directory (MR1403)", async (t) => {
  const other = createServer().listen(0, "127.0.0.1")
  t.after(() => other.close())
  await once(other, "listening")
  const { port } = other.address() as AddressInfo
  const data = path.join(place.dir, "port/data")
  const { code, err } = await millrace(["start", "--port", String(port), "--data", data])
  assert.equal(code, 1)
  assert.match(err, new RegExp(`Port ${port} of 127\\.0\\.0\\.1 is in use by another program\\..*\\[MR1403\\]`))
  const doctor = await millrace(["doctor", "--data", data, "--json"])
  assert.match(doctor.out, /no node holds the directory/)
})

test("start says where it answers, refuses a second node on its directory, and stops in good order", async () => {
  const data = path.join(place.dir, "start/data")
  const node = new LongRun(["start", path.join(place.dir, "service.ts"), "--data", data, "--port", "0", "--json"])
  try {
    const ready = await node.next<Ready>()
    assert.deepEqual([ready.event, ready.services], ["ready", ["notes"]])
    assert.equal((await fetch(`${ready.url}/readyz`)).status, 200)

    const second = await millrace(["start", "--data", data, "--port", "0"])
    assert.equal(second.code, 1)
    assert.match(second.err, new RegExp(`in use by process ${ready.pid}.*\\[MR1301\\]`))

    assert.equal(await node.stop("SIGTERM"), 0)
    assert.deepEqual(await node.next(), { event: "stopped" })
  } finally {
    await node.stop("SIGKILL")
  }
})

test("plan draws a service, and gives the plan itself as JSON", async () => {
  const file = path.join(place.dir, "service.ts")
  assert.match((await millrace(["plan", file])).out, /^flowchart LR\n.*notes<br\/>1 partition/)
  const plan = JSON.parse((await millrace(["plan", file, "--json"])).out) as { service: string }
  assert.equal(plan.service, "notes")
})

test("plan refuses what start would: a cron that cannot be read or is never due, a handler that is not there", async () => {
  const write = (name: string, text: string): string => {
    const file = path.join(place.dir, name)
    writeFileSync(file, text)
    return file
  }
  const due = (cron: string): string => `import { service, task } from "millrace"\nexport default service("b", [task("x", { cron: { expression: "${cron}", input: 1 }, run: () => 1 })])\n`
  const crons = [["0 25 * * *", "cannot be read"], ["0 0 30 2 *", "is never due"]] as const
  for (const [i, [cron, why]] of crons.entries()) {
    const { code, err } = await millrace(["plan", write(`cron-${i}.ts`, due(cron))])
    assert.equal(code, 1)
    assert.ok(err.includes(`service "b", task "x", cron: "${cron}" ${why}`) && err.includes("[MR1101]"), err)
  }
  const without = write("without.ts", `import { fn, service } from "millrace"\nexport default service("f", [fn("f", "./nowhere.ts")])\n`)
  const { code, err } = await millrace(["plan", without])
  assert.deepEqual([code, /there is no file \.\/nowhere\.ts beside .*\[MR1103\]/.test(err)], [1, true], err)
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}
