/** What the operating system refused, as an error that names the place and the mend. */
import { isMillraceError, MillraceError } from "@millrace/model"

/** The `code` of an error of the operating system, such as `ENOSPC`; empty for other things. */
export function errorNumber(thing: unknown): string {
  const code = thing instanceof Error ? (thing as NodeJS.ErrnoException).code : undefined
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : ""
}

/** MR1303 when the disk is full, MR1304 for any other refusal to write; a MillraceError stays what it is. */
export function refusal(cause: unknown, path: string): MillraceError {
  if (isMillraceError(cause)) return cause
  const code = errorNumber(cause) || (cause instanceof Error && /no space left/i.test(cause.message) ? "ENOSPC" : "")
  if (code === "ENOSPC" || code === "EDQUOT") {
    const what = code === "EDQUOT" ? "The disk quota of" : "The disk that holds"
    const message = `${what} ${path} is full: free some space; a node that runs then goes on by itself, one that could not start is to be started again.`
    return new MillraceError("MR1303", message, { path, code }, cause)
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  return new MillraceError("MR1304", `${path} cannot be written (${why}). ${mendOf(code)}`, { path, code }, cause)
}

function mendOf(code: string): string {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "Give the user that runs Millrace write access, or choose another place with --data DIR."
    case "EROFS":
      return "The file system is mounted read-only: mount it for writing, or choose another place with --data DIR."
    case "EFBIG":
      return "A limit on file sizes is in force: raise it (ulimit -f)."
    case "ENOTDIR":
    case "EEXIST":
      return "Something that is not a directory lies in the way: move it, or choose another place with --data DIR."
    case "EIO":
      return "The device reports faults: look at the system log (dmesg), then move the directory to a sound device."
    default:
      return "Mend that, or choose another place with --data DIR."
  }
}

/** MR1302 with the place: a file of the data directory and a byte position in it. */
export function damage(path: string, position: number, what: string, details: object = {}): MillraceError {
  const message =
    `${path} is damaged at byte ${position}: ${what}. ` +
    "Restore the data directory from a copy, or see docs/errors/MR1302.md for how to go on without the damaged part."
  return new MillraceError("MR1302", message, { path, position, what, ...details })
}
