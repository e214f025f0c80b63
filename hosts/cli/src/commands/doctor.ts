/** `millrace doctor`: checks what a node needs, and says how to mend what it finds. */
import type { Command } from "commander"
import { checkAddress, checkData, checkDisk, checkNode, type Finding } from "../doctor.ts"
import { example } from "../example.ts"
import { type AddressOptions, addAddress, addressOf } from "../node-address.ts"
import type { Terminal } from "../terminal.ts"

interface DoctorOptions extends AddressOptions {
  readonly data: string
  readonly json?: true
}

export function define(command: Command, terminal: Terminal): void {
  addAddress(command)
    .option("--data <DIR>", "data directory to look at; it is only read, a node may hold it", ".millrace/data")
    .option("--json", "print the findings as JSON")
    .addHelpText("after", example("millrace doctor --data .millrace/data"))
    .action(async (options: DoctorOptions) => {
      const findings = [
        checkNode(process.versions.node),
        ...(await checkData(options.data)),
        checkDisk(options.data),
        await checkAddress(addressOf(options, terminal)),
      ]
      const isWell = findings.every(({ state }) => state !== "fail")
      terminal.out(options.json ? `${JSON.stringify({ ok: isWell, findings })}\n` : findings.map(lineOf).join(""))
      if (!isWell) terminal.exitCode = 1
    })
}

function lineOf({ check, state, found, mend }: Finding): string {
  const line = `${state.padEnd(4)}  ${check.padEnd(7)}  ${found}\n`
  return mend === undefined ? line : `${line}${" ".repeat(15)}${mend}\n`
}
