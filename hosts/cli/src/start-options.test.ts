import assert from "node:assert/strict"
import fs from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { startNode } from "./node.ts"
import { assertStartOptions, type StartOptions, startOptionNames } from "./start-options.ts"

const refused = (message: RegExp) => (error: unknown) => isMillraceError(error) && error.code === "MR1101" && message.test(error.message)

test("an option of startNode that there is not is refused, the nearest named, and nothing is opened", async (t) => {
  const dir = fs.mkdtempSync(path.join(tmpdir(), "millrace-options-"))
  t.after(() => fs.rmSync(dir, { recursive: true }))
  const dataDir = path.join(dir, "data")
  const started = (options: object): Promise<unknown> => startNode({ files: [], dataDir, port: 0, log: "silent", ...options })
  await assert.rejects(started({ data: path.join(dir, "other") }), refused(/^startNode: there is no option "data"; there are, nearest first: dataDir, /))
  await assert.rejects(started({ tls: { cert: "a", keyFile: "b" } }), refused(/^startNode, tls: there is no option "keyFile"; there are, nearest first: key, /))
  await assert.rejects(started({ tls: { cert: "a" } }), refused(/^startNode, tls: key is missing/))
  await assert.rejects(startNode("service.ts" as unknown as StartOptions), refused(/^startNode: expected an object such as { files: /))
  await assert.rejects(startNode({} as StartOptions), refused(/^startNode: files is missing/))
  assert.deepEqual(fs.readdirSync(dir), [])
})

test("what an option of startNode cannot hold is refused, with what it can", () => {
  for (const [options, message] of [
    [{ files: "service.ts" }, /^startNode, files: expected a list of paths of modules, such as \["service\.ts"\], not "service\.ts"\.$/],
    [{ dataDir: "" }, /dataDir: expected a path/],
    [{ port: "7070" }, /port: expected a whole number from 0 to 65535, not "7070"\.$/],
    [{ port: 70_700 }, /port: expected/],
    [{ tls: { cert: "c", key: "k", port: -1 } }, /^startNode, tls, port: expected/],
    [{ tls: true }, /tls: expected \{ cert/],
    [{ workers: 0 }, /workers: expected a whole number from 1 to 64/],
    [{ stateMemory: 0.5 }, /stateMemory: expected a whole number from 1 to /],
    [{ drainSeconds: "10s" }, /drainSeconds: expected 0 to 86400 seconds, not "10s"/],
    [{ drainSeconds: Number.NaN }, /drainSeconds: expected/],
    [{ handlerSeconds: 0 }, /handlerSeconds: expected more than 0/],
    [{ cors: "https://shop.example" }, /cors: expected a list of origins/],
    [{ sync: "allways" }, /sync: expected one of "always", "buffered", "never", not "allways"/],
    [{ kinesisCredentials: { AKIA: 5 } }, /kinesisCredentials: expected an object of secrets/],
    [{ log: "debug" }, /log: expected one of "info"/],
  ] as const) {
    assert.throws(() => assertStartOptions({ files: [], ...options } as unknown as StartOptions), refused(message), JSON.stringify(options))
  }
  assertStartOptions({ files: [], port: 0, drainSeconds: 0.5, handlerSeconds: 0.2, workers: 1, sync: "buffered", cors: [], tls: { cert: "c", key: "k" } })
})

test("the guide lists each option of startNode", () => {
  const page = fs.readFileSync(path.join(import.meta.dirname, "../../../docs/guide/node.md"), "utf8")
  const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = ""]) => name).filter((name) => name !== "startNode")
  assert.deepEqual(new Set(listed), new Set(startOptionNames))
})
