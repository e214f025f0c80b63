// A handler that throws at a poisoned record, writes down all that it does, and holds at one moment of a bisect, which it tells on the
// process's own output: whoever reads that may kill the process exactly then.
import fs from "node:fs"

interface Event {
  readonly Records: readonly { readonly kinesis: { readonly data: string } }[]
}

interface Order {
  readonly key: string
  readonly n: number
  readonly poison: boolean
}

const { CALLS: file = "", HOLD: hold = "" } = process.env

function note(line: object): void {
  fs.appendFileSync(file, `${JSON.stringify(line)}\n`)
}

/** Whether a batch that is larger and holds these records has failed before. */
function isHalf(ns: readonly number[]): boolean {
  const calls = fs.readFileSync(file, "utf8").split("\n").filter((line) => line.startsWith('{"at":"fails"'))
  return calls.some((line) => {
    const failed = (JSON.parse(line) as { ns: readonly number[] }).ns
    return failed.length > ns.length && ns.every((n) => failed.includes(n))
  })
}

/** Tells; what comes after it does not come, unless nobody kills the process. */
async function held(moment: string, ns: readonly number[]): Promise<void> {
  note({ at: "holds", moment, ns })
  fs.writeSync(1, "held\n")
  await new Promise((resolve) => setTimeout(resolve, 240_000))
}

export const handler = async ({ Records }: Event): Promise<void> => {
  const orders = Records.map(({ kinesis }) => JSON.parse(Buffer.from(kinesis.data, "base64").toString()) as Order)
  const ns = orders.map(({ n }) => n)
  const hasPoison = orders.some(({ poison }) => poison)
  const [moment = "", size = ""] = hold.split(" ")
  const isMeant = ns.length === Number(size) && isHalf(ns)
  note({ at: "begins", ns })
  if (isMeant && moment === "before") await held(moment, ns)
  for (const [at, { key, n, poison }] of orders.entries()) {
    if (poison) {
      if (isMeant && moment === "failing") await held(moment, ns)
      note({ at: "fails", ns })
      // The split is being decided, and the halves wait for a second.
      if (isMeant && moment === "split") fs.writeSync(1, "held\n")
      throw new Error(`order ${n} cannot be taken`)
    }
    if (isMeant && moment === "amid" && !hasPoison && at === ns.length / 2) await held(moment, ns)
    note({ at: "takes", key, n })
  }
  if (isMeant && moment === "taken") await held(moment, ns)
  note({ at: "ends", ns })
}
