/**
 * A directory as a place for files.
 *
 * 1. A file appears whole or not at all: it is written under `.tmp/`, where no glob for data looks, and renamed.
 * 2. When `put` resolves, the file survives a power cut: its bytes, its name and every directory above it were fsynced.
 * 3. What a crash leaves behind lies under `.tmp/` alone, and is removed when the directory is opened again.
 */
import { randomUUID } from "node:crypto"
import { mkdir, open, readFile, readdir, rename, rm, rmdir } from "node:fs/promises"
import path from "node:path"
import { limits, MillraceError } from "@millrace/model"
import type { ObjectPlace } from "@millrace/engine"
import { DirectorySync } from "./directory-sync.ts"

/** Where files lie while they are written. */
const temporary = ".tmp"

/**
 * Opens a directory as a place for files and removes what a crash left unfinished in it. The directory is made by the
 * first file if it is not there. Opening it while another place writes into it makes that one write once more what it
 * had under way, nothing worse.
 *
 * @throws MR1501 when it cannot be read, or is not a directory
 */
export async function openDirectory(directory: string): Promise<ObjectPlace> {
  const root = path.resolve(directory)
  const at = path.join(root, temporary)
  try {
    for (const leftover of await readdir(at)) await rm(path.join(at, leftover), { recursive: true, force: true })
  } catch (fault) {
    if (codeOf(fault) !== "ENOENT") throw refusal(at, fault)
  }
  return new Directory(root)
}

class Directory implements ObjectPlace {
  readonly #root: string
  readonly #temporary: string
  readonly #sync = new DirectorySync()
  /** Directories whose names are durable; a promise while that is being seen to. */
  #known = new Map<string, Promise<void>>()
  readonly #puts = new Set<Promise<void>>()
  #closed = false

  constructor(root: string) {
    this.#root = root
    this.#temporary = path.join(root, temporary)
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    if (this.#closed) return Promise.reject(new Error(`${this.#root}: put after close`))
    const put = this.#put(name, bytes).finally(() => this.#puts.delete(put))
    this.#puts.add(put)
    return put
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    assertInside(name, this.#root)
    const target = path.join(this.#root, ...name.split("/"))
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#write(target, bytes)
      } catch (fault) {
        // Someone removed a directory that was there a moment ago (a clean-up of old output, another opener's of
        // `.tmp`).
        this.#known = new Map()
        if (codeOf(fault) === "ENOENT" && attempt < limits.fileAttemptsMax) continue
        throw refusal(target, fault)
      }
    }
  }

  async *list(prefix: string): AsyncGenerator<string> {
    const names: string[] = []
    try {
      for (const entry of await readdir(this.#root, { recursive: true, withFileTypes: true })) {
        const name = path.relative(this.#root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/")
        if (entry.isFile() && name.startsWith(prefix) && !name.startsWith(`${temporary}/`)) names.push(name)
      }
    } catch (fault) {
      if (codeOf(fault) !== "ENOENT") throw refusal(this.#root, fault)
    }
    yield* names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    assertInside(name, this.#root)
    const at = path.join(this.#root, ...name.split("/"))
    try {
      return await readFile(at)
    } catch (fault) {
      if (codeOf(fault) === "ENOENT") return undefined
      throw refusal(at, fault)
    }
  }

  async remove(name: string): Promise<void> {
    assertInside(name, this.#root)
    const at = path.join(this.#root, ...name.split("/"))
    try {
      await rm(at, { force: true })
    } catch (fault) {
      throw refusal(at, fault)
    }
  }

  async #write(target: string, bytes: Uint8Array): Promise<void> {
    const directory = path.dirname(target)
    await this.#make(directory)
    await this.#make(this.#temporary)
    const draft = path.join(this.#temporary, randomUUID())
    try {
      const handle = await open(draft, "w")
      try {
        let written = 0
        while (written < bytes.length) written += (await handle.write(bytes, written)).bytesWritten
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(draft, target)
    } catch (fault) {
      // On a full disk its space is what the next attempt needs.
      await rm(draft, { force: true }).catch(() => undefined)
      throw fault
    }
    await this.#sync.sync(directory)
  }

  /** Makes a directory and those above it, each durable in its parent. */
  #make(directory: string): Promise<void> {
    const known = this.#known.get(directory)
    if (known !== undefined) return known
    if (this.#known.size >= limits.directoriesKnownMax) this.#known = new Map()
    const made = this.#makeNow(directory)
    this.#known.set(directory, made)
    return made
  }

  async #makeNow(directory: string): Promise<void> {
    const parent = path.dirname(directory)
    if (directory.length > this.#root.length) await this.#make(parent)
    const isNew = await makeDirectory(directory, (above) => this.#make(above))
    // A directory that was there may be so since a crash before the fsync of its parent, so that is made up for.
    // Outside the root it is not ours, and may be closed to us.
    if (isNew || directory.length > this.#root.length) await this.#sync.sync(parent)
    else await this.#sync.sync(parent).catch(() => undefined)
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#puts)
    await rmdir(this.#temporary).catch(() => undefined)
  }
}

/** False if it was there. `makeParent` is called when there is nothing above it. */
async function makeDirectory(directory: string, makeParent: (parent: string) => Promise<void>): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      await mkdir(directory)
      return true
    } catch (fault) {
      const code = codeOf(fault)
      if (code === "EEXIST") return false
      if (code !== "ENOENT" || attempt === 2) throw fault
      await makeParent(path.dirname(directory))
    }
  }
}

function assertInside(name: string, root: string): void {
  const segments = name.split("/")
  const bad = segments.find(
    (segment) => segment === "" || segment === "." || segment === ".." || segment.includes("\0"),
  )
  if (bad === undefined && segments[0] !== temporary) return
  throw new MillraceError(
    "MR1501",
    `${root}: ${JSON.stringify(name)} is not a name for a file here; a name is made of segments separated by "/", ` +
      `none of them empty, ".", "..", the first not "${temporary}".`,
    { place: root, name },
  )
}

function codeOf(fault: unknown): string | undefined {
  const code = (fault as { code?: unknown } | null | undefined)?.code
  return typeof code === "string" ? code : undefined
}

const mends: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full. Free some space",
  EDQUOT: "the disk quota is used up. Free some space or raise the quota",
  EFBIG:
    "the file is larger than this process may write. Raise the limit (ulimit -f) or roll the sink's files at a " +
    "smaller size",
  EACCES: "this user may not write there. Give it the right to, or give the sink another directory",
  EPERM: "this user may not write there. Give it the right to, or give the sink another directory",
  EROFS: "the file system is read-only. Mount it writable, or give the sink another directory",
  ENOTDIR: "a file lies where a directory is needed. Move it away, or give the sink another directory",
  EEXIST: "something else lies where a directory is needed. Move it away, or give the sink another directory",
  EISDIR: "a directory lies where the file belongs. Move it away",
  ENOTEMPTY: "a directory lies where the file belongs. Move it away",
  ENAMETOOLONG:
    "the path is longer than the file system takes. Give the sink a shorter directory, or partition it by columns " +
    "with short values",
  EXDEV: "it lies on another file system than the directory above it. Give the sink that file system's own directory",
  EMFILE: "this process has too many files open. Raise the limit (ulimit -n)",
  ENFILE: "the machine has too many files open. Close some, or raise the limit",
  EIO: "the disk reports a fault. Look after the disk, or give the sink another directory",
  ENOENT: "its directory is taken away again and again. Stop what removes it",
}

/** What was refused, where, and the mend. */
function refusal(at: string, fault: unknown): MillraceError {
  const code = codeOf(fault)
  if (code === undefined) throw fault
  const mend = mends[code] ?? "the file system refuses. See to it, or give the sink another directory"
  return new MillraceError(
    "MR1501",
    `${at}: ${mend}; the file is kept and delivered then. (${code})`,
    { path: at, code },
    fault,
  )
}
