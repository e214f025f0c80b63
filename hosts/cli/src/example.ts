/** The example that ends the help of every command. */
export function example(line: string, ...said: readonly string[]): string {
  return ["", "Example:", `  $ ${line}`, ...said.map((words) => `  ${words}`)].join("\n")
}
