/**
 * Why the module of a service cannot be imported: what Node says of it, with the file, line and column where it is to be mended.
 * Node prints these for an error that ends a process; of one that is caught it tells them in the stack, or not at all.
 */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { fileURLToPath } from "node:url"
import { MillraceError } from "@millrace/model"

interface Place {
  readonly file: string
  readonly line: number
  readonly column?: number
}

/** Milliseconds that Node may look for the place of a syntax error. */
const lookMsMax = 5_000

/**
 * @param file - absolute path of the module that was imported
 * @param loaded - files that were read for it: where to look for a syntax error whose place Node does not tell
 */
export function importFault(cause: unknown, file: string, loaded: readonly string[] = []): MillraceError {
  if (!(cause instanceof Error)) return new MillraceError("MR1104", `${file}: it could not be imported: ${String(cause)}`, { file }, cause)
  const place = placeOfImport(cause.message) ?? placeInStack(cause.stack ?? "") ?? (cause instanceof SyntaxError ? placeByCheck(cause.message, [file, ...loaded]) : undefined)
  const said = `it could not be imported: ${cause.name}: ${cause.message}${mendOf(cause.message)}`
  if (place === undefined) return new MillraceError("MR1104", `${file}: ${said}`, { file }, cause)
  const text = lineOf(place)
  const shown = text === "" ? "" : `, in: ${text}`
  const at = `${place.file}:${place.line}${place.column === undefined ? "" : `:${place.column}`}`
  return new MillraceError("MR1104", `${at}: ${said}${shown}`, { ...place }, cause)
}

/** Where a module is imported that is not there. */
function placeOfImport(message: string): Place | undefined {
  const [, missing, file] = /^Cannot find (?:module|package) '([^']+)' imported from (\/.+)$/.exec(message) ?? []
  if (missing === undefined || file === undefined) return undefined
  const lines = textOf(file).split("\n")
  const named = basename(missing)
  const index = lines.findIndex((line) => /["']/.test(line) && line.includes(named))
  return index === -1 ? undefined : { file, line: index + 1, column: (lines[index] ?? "").search(/["']/) + 1 }
}

/** The first place in a stack that is not Node's own; a head of `file:line` with an underlined line comes before all frames. */
function placeInStack(stack: string): Place | undefined {
  const lines = stack.split("\n")
  const head = /^(file:\/\/\S+|\/\S+):(\d+)$/.exec(lines[0] ?? "")
  if (head !== null) {
    const marks = lines.slice(1, headLinesMost).find((line) => /^\s*\^+\s*$/.test(line))
    return { file: pathOf(head[1] ?? ""), line: Number(head[2]), ...(marks === undefined ? {} : { column: marks.indexOf("^") + 1 }) }
  }
  for (const line of lines) {
    const frame = /(?:\(|at (?:async )?)(file:\/\/[^\s()]+|\/[^\s()]+):(\d+):(\d+)\)?$/.exec(line)
    if (frame === null) continue
    // A stack of a package, such as a schema library, leads to the line of the service that called it.
    if (frame[1]?.includes("/node_modules/") || frame[1]?.includes(import.meta.dirname)) continue
    return { file: pathOf(frame[1] ?? ""), line: Number(frame[2]), column: Number(frame[3]) }
  }
  return undefined
}

/** Lines of a stack before its frames: the place, the line with its neighbours, the marks. */
const headLinesMost = 8

/** What Node says of a file by itself, if that is the same error. */
function placeByCheck(message: string, files: readonly string[]): Place | undefined {
  for (const file of new Set(files)) {
    const { stderr } = spawnSync(process.execPath, ["--no-warnings", "--check", file], { encoding: "utf8", timeout: lookMsMax })
    if (stderr?.includes(`SyntaxError: ${message}`)) return placeInStack(stderr)
  }
  return undefined
}

function pathOf(place: string): string {
  return place.startsWith("file:") ? fileURLToPath(place) : place
}

/** The line itself, cut to what a message can show; "" when it cannot be read. */
function lineOf({ file, line }: Place): string {
  const text = textOf(file).split("\n")[line - 1]?.trim() ?? ""
  return text.length > shownMost ? `${text.slice(0, shownMost)}…` : text
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

const shownMost = 120

/** What to write instead, where Node's words do not say it. */
function mendOf(message: string): string {
  return /not supported in strip-only mode/.test(message)
    ? ". Node takes the types away and runs the rest, so what TypeScript would have to translate (enum, namespace, parameter properties) is written in JavaScript: an object with `as const`, a module, a field"
    : ""
}
