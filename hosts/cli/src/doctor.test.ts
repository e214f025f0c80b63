import assert from "node:assert/strict"
import { once } from "node:events"
import { closeSync, globSync, openSync, readSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { after, before, test } from "node:test"
import { millrace, workplace } from "../test/cli.ts"
import { connect } from "./client.ts"
import { checkAddress, checkData, checkDisk, checkNode, type Finding } from "./doctor.ts"
import { startNode } from "./node.ts"

let place: ReturnType<typeof workplace>
let data: string

before(() => {
  place = workplace()
  data = path.join(place.dir, "data")
  writeFileSync(
    path.join(place.dir, "service.ts"),
    'import { service, stream } from "millrace"\n' +
      'export default service("notes", [stream("notes", { partitions: 1 })])\n',
  )
})

after(() => place.remove())

const states = (findings: readonly Finding[]): string[] => findings.map(({ check, state }) => `${check} ${state}`)

test("a Node.js that cannot run TypeScript is a failure with its mend", () => {
  assert.equal(checkNode("22.17.1").state, "fail")
  assert.match(checkNode("20.20.2").mend ?? "", /22\.18/)
  assert.equal(checkNode("22.18.0").state, "ok")
  assert.equal(checkNode("24.1.0").state, "ok")
})

test("a directory that is not there yet is well", async () => {
  const nowhere = path.join(place.dir, "nowhere/data")
  assert.deepEqual(states(await checkData(nowhere)), ["data ok"])
  assert.notEqual(checkDisk(nowhere).found, "")
})

test("a running node, its lock and its journal are seen without disturbing it", async () => {
  const node = await startNode({ files: [path.join(place.dir, "service.ts")], dataDir: data, port: 0, log: "error" })
  try {
    await connect(node.url).produce("notes", [{ text: "one" }, { text: "two" }])
    const findings = await checkData(data)
    assert.deepEqual(states(findings), ["data ok", "data ok", "lock ok", "journal ok"])
    assert.match(findings[2]?.found ?? "", new RegExp(`held by process ${process.pid} `))
    assert.deepEqual(await checkAddress(node.url), {
      check: "address",
      state: "ok",
      found: `a node answers at ${node.url} and is ready`,
    })
  } finally {
    await node.close()
  }
  const { code, out } = await millrace(["doctor", "--data", data, "--url", node.url, "--json"])
  const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: Finding[] }
  assert.deepEqual([code, ok], [0, true])
  assert.match(findings.find(({ check }) => check === "lock")?.found ?? "", /no node holds/)
  assert.match(findings.find(({ check }) => check === "address")?.found ?? "", /nothing listens/)
})

test("a program that is no node is told from one", async (t) => {
  const other = createServer((_, answer) => answer.end("hello")).listen(0, "127.0.0.1")
  t.after(() => other.close())
  await once(other, "listening")
  const finding = await checkAddress(`http://127.0.0.1:${(other.address() as AddressInfo).port}`)
  assert.equal(finding.state, "fail")
  assert.match(finding.mend ?? "", /--port/)
})

test("a flipped bit in the journal is named with its file and byte, and doctor exits with 1", async () => {
  const [segment] = globSync(path.join(data, "journal/*.journal"))
  assert.ok(segment !== undefined)
  flipBit(segment, Math.floor(statSync(segment).size / 2))
  const { code, out } = await millrace(["doctor", "--data", data])
  assert.equal(code, 1)
  assert.match(out, /^fail {2}journal {2}.*\.journal, byte \d+: .*\(MR1302\)$/m)
  assert.match(out, /Restore the directory/)
})

test("another version of the directory is a failure", async () => {
  writeFileSync(path.join(data, "VERSION"), "99\n")
  assert.ok(states(await checkData(data)).includes("data fail"))
  rmSync(path.join(data, "VERSION"))
  assert.ok(states(await checkData(data)).includes("data fail"))
})

function flipBit(file: string, at: number): void {
  const fd = openSync(file, "r+")
  const byte = Buffer.alloc(1)
  readSync(fd, byte, 0, 1, at)
  byte.writeUInt8(byte.readUInt8(0) ^ 1)
  writeSync(fd, byte, 0, 1, at)
  closeSync(fd)
}
