/** The keys of the Kinesis API come from the environment: a command line is for everybody on the machine to see. */
import { MillraceError } from "@millrace/model"
import type { StartOptions } from "./start-options.ts"

const variable = "MILLRACE_KINESIS_CREDENTIALS"

/** @throws MR1601 */
export function kinesisCredentialsOf(env: Readonly<Record<string, string | undefined>>): Pick<StartOptions, "kinesisCredentials"> {
  const given = env[variable] ?? ""
  if (given === "") return {}
  const pairs = given.split(",").map((pair) => /^\s*([A-Za-z0-9]{4,128}):(\S{1,256})\s*$/.exec(pair))
  if (pairs.some((pair) => pair === null)) {
    throw new MillraceError("MR1601", `${variable} is not a list of ACCESSKEY:secret, separated by commas. Mend it, or leave it away.`)
  }
  return { kinesisCredentials: Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? "", pair?.[2] ?? ""])) }
}
