// Writes into package-lock.json the optional packages of other platforms that `npm install` could not resolve.
//
// A registry mirror that carries one platform's binaries makes `npm install` leave the others out, and then `npm ci`
// of npm 11 refuses the lockfile, on every platform. What is added is what a full registry would have added, except
// the integrity, which only the package itself could tell. Run it after each `npm install` that changed the lockfile;
// tools/tidy.test.ts says when it was forgotten.
import fs from "node:fs"
import path from "node:path"
import { root } from "./workspaces.ts"

interface Locked {
  version?: string
  cpu?: string[]
  libc?: string[]
  optional?: boolean
  os?: string[]
  engines?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const lockfile = path.join(root, "package-lock.json")
const systems = ["aix", "android", "darwin", "freebsd", "linux", "openbsd", "openharmony", "sunos", "win32"]
const processors = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "wasm32", "x64"]

/** Optional packages that the lockfile asks for and does not hold, as entries for it, by path. */
export function missingPlatforms(): ReadonlyMap<string, Locked> {
  const { packages } = JSON.parse(fs.readFileSync(lockfile, "utf8")) as { packages: Record<string, Locked> }
  const missing = new Map<string, Locked>()
  for (const [at, { optionalDependencies = {} }] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(optionalDependencies)) {
      if (held(packages, at, name)) continue
      missing.set(`node_modules/${name}`, { version: range.replace(/^[~^]/, ""), optional: true, ...platformOf(name) })
    }
  }
  return missing
}

/** Whether `name`, asked for by the package at `at`, is found there or further up, as Node looks for it. */
function held(packages: Readonly<Record<string, Locked>>, at: string, name: string): boolean {
  for (let place = at; ; place = place.slice(0, Math.max(0, place.lastIndexOf("node_modules/") - 1))) {
    if (packages[`${place === "" ? "" : `${place}/`}node_modules/${name}`] !== undefined) return true
    if (place === "") return false
  }
}

// Binary packages say their platform in their name: `@oxlint/binding-linux-arm64-musl`.
function platformOf(name: string): Locked {
  const words = name.split(/[/-]/).map((word) => (word === "arm" || /^arm(eabi|eabihf|v7|musleabihf|gnueabihf)?$/.test(word) ? "arm" : word))
  const os = words.filter((word) => systems.includes(word))
  const cpu = words.filter((word) => processors.includes(word))
  const libc = words.some((word) => word.startsWith("musl")) ? ["musl"] : words.some((word) => word.startsWith("gnu")) ? ["glibc"] : []
  return { ...(os.length > 0 ? { os } : {}), ...(cpu.length > 0 ? { cpu } : {}), ...(libc.length > 0 ? { libc } : {}) }
}

if (import.meta.main) {
  const text = fs.readFileSync(lockfile, "utf8")
  const lock = JSON.parse(text) as { packages: Record<string, Locked> }
  const missing = missingPlatforms()
  const entries = [...Object.entries(lock.packages), ...missing].toSorted(([a], [b]) => a.localeCompare(b, "en"))
  lock.packages = Object.fromEntries(entries)
  if (missing.size > 0) fs.writeFileSync(lockfile, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`package-lock.json: ${missing.size} packages of other platforms added`)
}
