// What must hold and no other tool sees. A failure says what to do.
import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { missingPlatforms } from "./complete-lockfile.ts"
import { root, workspaces } from "./workspaces.ts"

const packages = /^(core|adapters|hosts|testing|examples)\//
// Tracked files and those about to be: what .gitignore names is not the repository's.
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], { cwd: root, encoding: "utf8" })
  .split("\0")
  .filter((file) => file !== "" && fs.existsSync(path.join(root, file)))
const testFiles = files.filter((file) => file.endsWith(".test.ts"))
const self = "tools/tidy.test.ts"

test("each error code has a page and a test", () => {
  const table = "core/model/src/errors.ts"
  const codes = [...new Set(read(table).match(/\bMR\d{4}\b(?=["']?\s*:)/g))].toSorted()
  assert.ok(codes.length > 0, `${table} defines no code: errorTable's keys must be written there as MR1234`)
  const tested = new Set(testFiles.filter((file) => file !== self).flatMap((file) => read(file).match(/\bMR\d{4}\b/g) ?? []))
  const pages = files.filter((file) => file.startsWith("docs/errors/MR")).map((file) => path.basename(file, ".md"))
  none([
    ...codes.filter((code) => !pages.includes(code)).map((code) => `${code} has no page: write docs/errors/${code}.md (what happened, what to do next, an example)`),
    ...codes.filter((code) => pages.includes(code) && !read(`docs/errors/${code}.md`).includes(code)).map((code) => `docs/errors/${code}.md does not name ${code}`),
    ...codes.filter((code) => !tested.has(code)).map((code) => `${code} is named by no *.test.ts: write a test that provokes it and asserts the code`),
    ...pages.filter((page) => !codes.includes(page)).map((page) => `docs/errors/${page}.md explains a code that ${table} does not define: remove the page or add the code`),
    ...files
      .filter((file) => packages.test(file) && file.endsWith(".ts"))
      .flatMap((file) => (read(file).match(/\bMR\d{4}\b/g) ?? []).filter((code) => !codes.includes(code)).map((code) => `${file} names ${code}, which ${table} does not define`)),
  ])
})

test("each invariant of docs/specs names a test that exists", () => {
  const names = new Set(testFiles.filter((file) => file !== self).flatMap((file) => testNames(read(file))))
  const seen = new Map<string, string>()
  const faults: string[] = []
  for (const file of files.filter((each) => /^docs\/specs\/.*\.md$/.test(each))) {
    for (const { label, text, line } of invariants(read(file))) {
      const at = `${file}:${line} ${label}`
      const other = seen.get(label)
      if (other !== undefined) faults.push(`${at}: ${other} has the same number; give one of them another`)
      seen.set(label, `${file}:${line}`)
      const named = [...text.matchAll(/Tests?:\s*((?:`[^`]+`(?:,\s*|\s+and\s+)?)+)/g)].flatMap((match) => [...(match[1] ?? "").matchAll(/`([^`]+)`/g)].map((each) => each[1] ?? ""))
      if (named.length === 0) faults.push(`${at} names no test: end the item with Test: \`name of the test\``)
      for (const name of named) if (!names.has(name)) faults.push(`${at} names a test that no *.test.ts has: \`${name}\``)
    }
  }
  none(faults)
})

test("each invariant that code cites exists in docs/specs", () => {
  const known = new Set(files.filter((file) => /^docs\/specs\/.*\.md$/.test(file)).flatMap((file) => invariants(read(file)).map(({ label }) => label)))
  none(
    files
      .filter((file) => packages.test(file) && file.endsWith(".ts"))
      .flatMap((file) =>
        lines(file, /\/\/ ([A-Z]\d+): /).flatMap(({ match, line }) => (known.has(match[1] ?? "") ? [] : [`${file}:${line} cites ${match[1]}, which no page of docs/specs defines as "- **${match[1]}** …"`])),
      ),
  )
})

test("the map in ARCHITECTURE.md is the workspace graph", () => {
  const all = workspaces()
  const internal = new Set(all.map(({ name }) => name))
  const wanted = all.map(({ dir, name, dependencies }) => {
    const uses = dependencies.filter((dependency) => internal.has(dependency)).toSorted()
    return `${dir}  ${name}${uses.length > 0 ? `  -> ${uses.join(", ")}` : ""}`
  })
  const fence = /<!-- map -->\s*```\w*\n([\s\S]*?)```\s*<!-- \/?map -->/.exec(read("ARCHITECTURE.md"))
  assert.ok(fence, "ARCHITECTURE.md has no map: a fenced list between <!-- map --> and <!-- /map -->")
  const found = (fence[1] ?? "").trimEnd().split("\n").map((line) => line.replace(/ {2,}/g, "  ").trim())
  assert.deepEqual(found, wanted, `the map in ARCHITECTURE.md differs from the package.json files; it should read:\n\n${wanted.join("\n")}\n`)
})

test("each decision on a dependency is written down", () => {
  const decisions = files.filter((file) => file.startsWith("docs/decisions/")).map(read).join("\n")
  const internal = new Set(workspaces().map(({ name }) => name))
  none(
    workspaces()
      .filter(({ published }) => published)
      .flatMap(({ dir, dependencies }) =>
        dependencies
          .filter((name) => !internal.has(name) && !decisions.includes(`\`${name}\``))
          .map((name) => `${dir} depends on ${name}, which no page of docs/decisions names as \`${name}\`: what for, licence, size, alternatives, its one home`),
      ),
  )
})

test("each decision has a number of its own", () => {
  const taken = files.filter((file) => file.startsWith("docs/decisions/"))
  const free = String(Math.max(...taken.map((file) => Number(path.basename(file).slice(0, 4)) || 0)) + 1).padStart(4, "0")
  none(
    taken.flatMap((file) => {
      const number = /^docs\/decisions\/(\d{4})-[^/]+\.md$/.exec(file)?.[1]
      if (number === undefined) return [`${file}: call it ${free}-what-it-is-about.md`]
      const others = taken.filter((other) => other !== file && other.startsWith(`docs/decisions/${number}-`))
      if (others.length > 0) return [`${file} has the number of ${others.join(", ")}: give one of them ${free}`]
      return read(file).startsWith(`# ${Number(number)}. `) ? [] : [`${file}: its first line should be "# ${Number(number)}. " and what it is about`]
    }),
  )
})

test("each word is explained once, and pages of errors that speak of deploying lead there", () => {
  const page = "docs/guide/words.md"
  const words = lines(page, /^\| (\*\*[^|]+) \|/).flatMap(({ match, line }) => [...(match[1] ?? "").matchAll(/\*\*([^*]+)\*\*/g)].map((word) => ({ word: word[1] ?? "", line })))
  assert.ok(words.some(({ word }) => word === "deploy"), `${page} explains no words`)
  none([
    ...words.filter(({ word }, index) => words.findIndex((other) => other.word === word) < index).map(({ word, line }) => `${page}:${line} explains "${word}" once more`),
    ...files
      .filter((file) => file.startsWith("docs/errors/") && /\bdeploy/i.test(read(file)) && !read(file).includes("../guide/words.md#what-runs"))
      .map((file) => `${file} speaks of deploying: link the first such word to ../guide/words.md#what-runs`),
  ])
})

test("no work is left in a comment without its issue", () => {
  const words = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X".repeat(3)].join("|")})\\b(?!\\(?\\s*#\\d)`)
  none(sources().flatMap((file) => lines(file, words).map(({ match, line }) => `${file}:${line} ${match[1]} without an issue: write ${match[1]} #<issue>, or do it`)))
})

test("no file is a drawer for everything", () => {
  none(
    files
      .filter((file) => packages.test(file) && /(^|\/)([\w.-]*-)?(utils?|helpers?|misc|common)(\.[\w.]+|\/.*)$/.test(file))
      .map((file) => `${file}: name it after what it holds`),
  )
})

test("core reads no clock through new Date()", () => {
  none(
    files
      .filter((file) => /^core\/[^/]+\/src\/.*\.ts$/.test(file) && !file.endsWith(".test.ts"))
      .flatMap((file) => lines(file, /(^|[^/*]*\W)(new Date\(\)|new Date\b(?!\()|(?<!new )\bDate\(\))/).map(({ line }) => `${file}:${line} reads the clock: take \`now\` as an argument`)),
  )
})

test("nothing names a path or a tool of one machine", () => {
  const words = new RegExp(["/" + "work/", "/" + "root/", "/" + "home/\\w+/", "farm" + "-(?=\\w)", "\\." + "library\\b"].join("|"))
  none(
    files
      .filter((file) => !/\.(parquet|png|gz|ico|woff2)$/.test(file))
      .flatMap((file) => lines(file, words).map(({ match, line }) => `${file}:${line} names ${match[0]}, which exists on one machine only`)),
  )
})

test("the lockfile installs everywhere", () => {
  const { packages: locked } = JSON.parse(read("package-lock.json")) as { packages: Record<string, { resolved?: string; link?: boolean }> }
  none([
    ...[...missingPlatforms().keys()].map((name) => `package-lock.json lacks ${name}, so npm ci refuses it: run node tools/complete-lockfile.ts, then npm install`),
    ...Object.entries(locked)
      .filter(([, { resolved, link }]) => link !== true && resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/"))
      .map(([name, { resolved }]) => `package-lock.json takes ${name} from ${resolved}: install it from https://registry.npmjs.org`),
  ])
})

test("CI runs the README's test command", () => {
  const last = read(".ci/run").trimEnd().split("\n").at(-1) ?? ""
  assert.ok(read("README.md").split("\n").some((line) => line.replaceAll("`", "").split(/\s*#/)[0]?.trim() === last), `.ci/run ends with "${last}", which is no line of a code block in README.md: make them the same words`)
})

test("each Markdown link inside the repository leads somewhere", () => {
  none(
    files
      .filter((file) => file.endsWith(".md"))
      .flatMap((file) =>
        lines(file, /\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)]*)?\)/g)
          .filter(({ match }) => !fs.existsSync(path.join(root, path.dirname(file), decodeURI(match[1] ?? ""))))
          .map(({ match, line }) => `${file}:${line} links to ${match[1]}, which does not exist`),
      ),
  )
})

/** The numbered items of a specification, each with its continuation lines. */
function invariants(page: string): { label: string; text: string; line: number }[] {
  const result: { label: string; text: string; line: number }[] = []
  for (const [index, line] of page.split("\n").entries()) {
    const start = /^- \*\*([A-Z]+\d+)\*\*/.exec(line)
    const current = result.at(-1)
    if (start) result.push({ label: start[1] ?? "", text: line, line: index + 1 })
    else if (current !== undefined && /^\s+\S/.test(line)) current.text += ` ${line.trim()}`
  }
  return result
}

/** The names given to `test`, `it`, `describe` and to anything that ends like them, as written in source. */
function testNames(source: string): string[] {
  return [...source.matchAll(/\b(?:test|it|describe|suite)(?:\.\w+)?\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)/g)].map((match) => (match[1] ?? "").slice(1, -1).replaceAll(/\\(.)/g, "$1"))
}

function sources(): readonly string[] {
  return files.filter((file) => /\.(ts|mjs|js|json|sh|md|css|html)$|^\.ci\//.test(file) && file !== self && file !== "package-lock.json")
}

function lines(file: string, pattern: RegExp): { match: RegExpExecArray; line: number }[] {
  return read(file)
    .split("\n")
    .flatMap((text, index) => {
      const matches = pattern.global ? [...text.matchAll(pattern)] : [pattern.exec(text)].filter((match) => match !== null)
      return matches.map((match) => ({ match, line: index + 1 }))
    })
}

function read(file: string): string {
  const at = path.join(root, file)
  return fs.existsSync(at) ? fs.readFileSync(at, "utf8") : ""
}

function none(faults: readonly string[]): void {
  assert.ok(faults.length === 0, `${faults.length} to mend:\n  ${faults.join("\n  ")}\n`)
}
