import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { LongRun, workplace } from "../test/cli.ts"
import { connect } from "./client.ts"

interface Event {
  readonly event: string
  readonly url: string
  readonly code?: string
}

test("dev reloads a service that is saved and keeps its state; one that is refused leaves the old one running", async () => {
  const place = workplace()
  const write = (name: string, text: string): void => writeFileSync(path.join(place.dir, name), text)
  write("factor.ts", "export const factor = 1\n")
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
