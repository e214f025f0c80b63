import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { LongRun, workplace } from "../test/cli.ts"
import { connect } from "./client.ts"

/** Types of the packages are not what is tested here, and reading them takes long. */
function typesOf(place: string): void {
  const paths = { millrace: ["./millrace.d.ts"], "millrace/*": ["./millrace.d.ts"] }
  const compilerOptions = { target: "es2024", module: "nodenext", strict: true, skipLibCheck: true, allowImportingTsExtensions: true, noEmit: true, types: [], paths }
  writeFileSync(path.join(place, "tsconfig.json"), JSON.stringify({ compilerOptions }))
  writeFileSync(path.join(place, "millrace.d.ts"), "export declare const files: any, service: any\nexport declare function stream<T>(...given: unknown[]): any\n")
}

interface Event {
  readonly event: string
  readonly url: string
  readonly code?: string
}

test("dev reloads a service that is saved and keeps its state; one that is refused leaves the old one running", async () => {
  const place = workplace()
  const write = (name: string, text: string): void => writeFileSync(path.join(place.dir, name), text)
  write("factor.ts", "export const factor = 1\n")
  typesOf(place.dir)
  write(
    "service.ts",
    `
import { service, stream } from "millrace"
import { factor } from "./factor.ts"
const numbers = stream<{ n: number }>("numbers", { key: () => "all", partitions: 1 })
const sums = stream<{ sum: number }>("sums", { partitions: 1 })
const added = numbers.process("sum", {
  state: () => ({ sum: 0 }),
  *onRecord({ n }, ctx) {
    ctx.state.sum += n * factor
    yield { sum: ctx.state.sum }
  },
})
export default service("sums", [added.to(sums)])
`,
  )
  const dev = new LongRun([
    "dev",
    path.join(place.dir, "service.ts"),
    "--data",
    path.join(place.dir, "data"),
    "--port",
    "0",
    "--json",
  ])
  const stop = new AbortController()
  try {
    const { event, url } = await dev.next<Event>()
    assert.equal(event, "ready")
    const client = connect(url)
    const sums = client.live<{ sum: number }>("sums", { from: "earliest", signal: stop.signal })[Symbol.asyncIterator]()
    const nextSum = async (): Promise<number | undefined> =>
      (await sums.next()).value?.record.value.sum as number | undefined

    await client.produce("numbers", [{ n: 5 }])
    assert.equal(await nextSum(), 5)

    write("factor.ts", "export const factor = 10\n")
    assert.equal((await dev.next<Event>()).event, "reloaded")
    await client.produce("numbers", [{ n: 1 }])
    assert.equal(await nextSum(), 15)

    write("factor.ts", "export const factor = \n")
    const refused = await dev.next<Event>()
    assert.deepEqual([refused.event, refused.code], ["refused", "MR1104"])
    await client.produce("numbers", [{ n: 1 }])
    assert.equal(await nextSum(), 25)

    assert.equal(await dev.stop("SIGTERM"), 0)
  } finally {
    stop.abort()
    await dev.stop("SIGKILL")
    place.remove()
  }
})

test("dev tells what there is to call, when files appear, the first of them, and faults of types, while the service runs", async () => {
  const place = workplace()
  const file = path.join(place.dir, "service.ts")
  const text = (type: string): string => `
import { service, stream } from "millrace"
import { files } from "millrace/files"
const numbers = stream<{ n: number }>("numbers", { partitions: 1 })
const doubled: ${type} = 2
export default service("sums", [
  numbers.map(({ n }: { n: number }) => ({ n: n * 2 })).to(stream("doubles", { partitions: 1 })),
  numbers.to(files("numbers", { roll: { every: "300ms" } })),
])
`
  typesOf(place.dir)
  writeFileSync(file, text("string"))
  const dev = new LongRun(["dev", file, "--data", path.relative(process.cwd(), path.join(place.dir, "data")), "--port", "0"], { cwd: process.cwd() })
  let said = ""
  dev.child.stdout?.setEncoding("utf8").on("data", (more: string) => (said += more))
  const until = async (wanted: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = wanted.exec(said)
      if (found !== null) return found
      if (dev.child.exitCode !== null) assert.fail(`dev ended, having said:\n${said}\n${dev.err}`)
      await new Promise((next) => setImmediate(next))
    }
  }
  try {
    const [, url = ""] = await until(new RegExp(`^Millrace is ready at (\\S+): sums\\. Data in ${place.dir}/data\\.`, "m"))
    await until(new RegExp(`^  takes +numbers +POST ${url}/v1/streams/numbers/records$`, "m"))
    await until(new RegExp(`^  gives +doubles +GET ${url}/v1/streams/doubles/live$`, "m"))
    await until(new RegExp(`^  files +numbers +${place.dir}/out/numbers, ndjson; a file appears 300 ms after its first row, at 128 MB, or when its stream ends$`, "m"))
    await connect(url).produce("numbers", [{ n: 1 }])
    await until(new RegExp(`^numbers: the first file is in ${place.dir}/out/numbers \\(1 row\\)\\.$`, "m"))
    await until(/^The types are not right; the service runs all the same:\n {2}\S*service\.ts:5:7 TS2322 Type 'number' is not assignable to type 'string'\.$/m)
    writeFileSync(file, text("number"))
    await until(/^Reloaded sums in \d+ ms\.\n {2}takes/m)
    await until(/^The types are right again\.$/m)
    assert.equal(await dev.stop("SIGINT"), 0)
  } finally {
    await dev.stop("SIGKILL")
    place.remove()
  }
})
