/** Keeps what code says on its thread's console as lines of whoever says it. It is still said there, as before. */
import { format } from "node:util"

const marks = { debug: "", log: "", info: "", warn: "warn: ", error: "error: " } as const

/** @param adder - how to add a line to those of the code that runs now; undefined: it is nobody's */
export function keepConsole(target: Pick<Console, keyof typeof marks>, adder: () => ((line: string) => void) | undefined): void {
  for (const [name, mark] of Object.entries(marks)) {
    const method = name as keyof typeof marks
    const say = target[method].bind(target) as (...parts: readonly unknown[]) => void
    target[method] = (...parts: readonly unknown[]): void => {
      adder()?.(mark + format(...parts))
      say(...parts)
    }
  }
}
