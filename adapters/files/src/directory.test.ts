import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import type { ObjectPlace } from "@millrace/engine"
import { fresh, written } from "../test/scratch.ts"
import { openDirectory } from "./index.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const putter = fileURLToPath(import.meta.resolve("../test/put.ts"))
const isRoot = process.getuid?.() === 0

/** The names under a prefix. */
async function listed(place: ObjectPlace, prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const name of place.list(prefix)) names.push(name)
  return names
}

/** Everything under a directory that is not a directory. */
function filesIn(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .toSorted()
}

test("a file appears whole under its name, replaces an earlier one, and leaves nothing else behind", async () => {
  const root = fresh("deep/er/out")
  const place = await openDirectory(root)
  await place.put("a/b=1/part-0.csv", bytes("one"))
  await place.put("a/b=1/part-0.csv", bytes("two"))
  await place.put("a/b=1/part-1.csv", bytes(""))
  await place.put("top.csv", bytes("top"))
  assert.deepEqual(filesIn(root), ["a/b=1/part-0.csv", "a/b=1/part-1.csv", "top.csv"])
  assert.equal(fs.readFileSync(path.join(root, "a/b=1/part-0.csv"), "utf8"), "two")
  await place.close()
  assert.deepEqual(fs.readdirSync(root).toSorted(), ["a", "top.csv"])
  await assert.rejects(place.put("late", bytes("")), /put after close/)
})

test("a file is read again and removed; one that is not there is neither a fault", async () => {
  const place = await openDirectory(fresh("out"))
  await place.put("a/b.json", bytes("one, é"))
  assert.deepEqual(await place.get("a/b.json"), Buffer.from("one, é"))
  await place.remove("a/b.json")
  await place.remove("a/b.json")
  assert.equal(await place.get("a/b.json"), undefined)
  await assert.rejects(place.get("../b.json"), { code: "MR1501" })
  await assert.rejects(place.remove("../b.json"), { code: "MR1501" })
  await place.close()
})

test("the names under a prefix are listed in the order of their bytes, what is being written not among them", async () => {
  const place = await openDirectory(fresh("out"))
  assert.deepEqual(await listed(place, ""), [])
  for (const name of ["b/1", "a/2", "a/é", "a/10", "a/b/c", "ab"]) await place.put(name, bytes(""))
  assert.deepEqual(await listed(place, "a/"), ["a/10", "a/2", "a/b/c", "a/é"])
  assert.deepEqual((await listed(place, "")).length, 6)
  await place.close()
})

test("many files at once, of the same and of other names, are each whole", async () => {
  const root = fresh("out")
  const place = await openDirectory(root)
  const texts = Array.from({ length: 200 }, (_, id) => `${id} `.repeat(1000 + id))
  const puts = texts.map((text, id) => place.put(`d=${id % 5}/part-${id % 100}`, bytes(text)))
  await place.close()
  await Promise.all(puts)
  for (let name = 0; name < 100; name++) {
    const text = fs.readFileSync(path.join(root, `d=${name % 5}/part-${name}`), "utf8")
    assert.ok(text === texts[name] || text === texts[name + 100])
  }
  assert.equal(filesIn(root).length, 100)
})

test("what a crash left unfinished is removed when the directory is opened, and nothing else", async () => {
  const root = fresh("out")
  const place = await openDirectory(root)
  await place.put("a/part-0", bytes("kept"))
  await place.close()
  fs.mkdirSync(path.join(root, ".tmp"))
  fs.writeFileSync(path.join(root, ".tmp/half"), "torn")
  await openDirectory(root)
  assert.deepEqual(filesIn(root), ["a/part-0"])
})

test("a directory that is taken away meanwhile is made again", async () => {
  const root = fresh("out")
  const place = await openDirectory(root)
  await place.put("a/b/part-0", bytes("0"))
  fs.rmSync(root, { recursive: true })
  await place.put("a/b/part-1", bytes("1"))
  assert.deepEqual(filesIn(root), ["a/b/part-1"])
})

test("a name that climbs out, or into the unfinished files, is refused as MR1501 and touches nothing", async () => {
  const root = fresh("out")
  const place = await openDirectory(root)
  for (const name of ["", "/etc/passwd", "../x", "a/../../x", "a/./b", "a//b", "a/", "..", ".tmp/x", "a\0b"]) {
    await assert.rejects(place.put(name, bytes("x")), { code: "MR1501" })
  }
  assert.equal(fs.existsSync(root), false)
})

test("a file where a directory is needed is MR1501 with its path, and the file is delivered once it is gone", async () => {
  const root = fresh("out")
  const place = await openDirectory(root)
  fs.mkdirSync(root)
  fs.writeFileSync(path.join(root, "a"), "in the way")
  await assert.rejects(
    place.put("a/part-0", bytes("x")),
    (fault: { code?: string; message: string; details: unknown }) => {
      assert.equal(fault.code, "MR1501")
      assert.match(fault.message, /out\/a\/part-0: .*Move it away/)
      assert.deepEqual(fault.details, { path: path.join(root, "a/part-0"), code: "ENOTDIR" })
      return true
    },
  )
  fs.rmSync(path.join(root, "a"))
  await place.put("a/part-0", bytes("x"))
  assert.deepEqual(filesIn(root), ["a/part-0"])
  await assert.rejects(openDirectory(written("file", "x")), { code: "MR1501" })
})

test("a directory that may not be written is MR1501, and the file is delivered once it may", async () => {
  const root = fresh("out")
  fs.mkdirSync(root)
  fs.chmodSync(root, 0o555)
  const place = await openDirectory(root)
  // Root may write anywhere, so another user tries.
  if (isRoot) process.seteuid?.(65_534)
  try {
    await assert.rejects(place.put("a/part-0", bytes("x")), {
      code: "MR1501",
      message: /this user may not write there.*\(EACCES\)/,
    })
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
  fs.chmodSync(root, 0o755)
  await place.put("a/part-0", bytes("x"))
  assert.deepEqual(filesIn(root), ["a/part-0"])
})

/** Runs `test/put.ts`, which puts 4 MB, tries again after `meanwhile`, and tells how both went. */
function putElsewhere(
  shell: string,
  root: string,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync("sh", ["-c", shell, "sh", process.execPath, putter, root], { encoding: "utf8" })
}

test("a file larger than the process may write is MR1501, and takes no space afterwards", () => {
  const root = fresh("out")
  const { stdout, stderr } = putElsewhere('ulimit -f 1024; "$1" --conditions=@millrace/source "$2" "$3"', root)
  assert.equal(stderr, "")
  assert.match(stdout, /^MR1501 .*larger than this process may write.*\(EFBIG\)\n0 unfinished\n$/)
})

test("a full disk is MR1501, takes no space afterwards, and the file is delivered once there is room", (t) => {
  const root = fresh("full")
  fs.mkdirSync(root)
  const namespace = isRoot ? "unshare --mount" : "unshare --user --map-root-user --mount"
  if (spawnSync("sh", ["-c", `${namespace} mount -t tmpfs -o size=64k tmpfs ${root}`]).status !== 0) {
    t.skip("this machine lets nobody mount a small file system")
    return
  }
  const fill =
    'mount -t tmpfs -o size=4500k tmpfs "$3" && head -c 1000000 /dev/zero > "$3/fill" && exec "$1" ' +
    '--conditions=@millrace/source "$2" "$3" "$3/fill"'
  const { stdout, stderr } = putElsewhere(`exec ${namespace} sh -c '${fill}' sh "$1" "$2" "$3"`, root)
  assert.equal(stderr, "")
  assert.match(stdout, /^MR1501 .*the disk is full.*\(ENOSPC\)\n0 unfinished\ndelivered 4000000\n$/)
})

test("a read-only file system is MR1501", (t) => {
  const root = fresh("readonly")
  fs.mkdirSync(root)
  const namespace = isRoot ? "unshare --mount" : "unshare --user --map-root-user --mount"
  if (spawnSync("sh", ["-c", `${namespace} mount -t tmpfs -o ro tmpfs ${root}`]).status !== 0) {
    t.skip("this machine lets nobody mount a file system")
    return
  }
  const { stdout, stderr } = putElsewhere(
    `exec ${namespace} sh -c 'mount -t tmpfs -o ro tmpfs "$3" && exec "$1" --conditions=@millrace/source "$2" "$3"' ` +
      `sh "$1" "$2" "$3"`,
    root,
  )
  assert.equal(stderr, "")
  assert.match(stdout, /^MR1501 .*the file system is read-only.*\(EROFS\)\n0 unfinished\n$/)
})
