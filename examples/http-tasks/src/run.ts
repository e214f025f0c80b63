/** Everything once: an S3 server for what is large, a site to fetch from, a node with the service, and requests. */
import { createReadStream, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3"
import { DuckDb, literal, startMoto } from "@millrace/verify"
import { startNode } from "millrace/node"
import type { Description } from "./describe-table.ts"

const bucket = "tables"
const data = fileURLToPath(new URL("../data/", import.meta.resolve("vega-datasets")))

/** What was asked, what came back, and how many rows DuckDB makes of the same file. */
interface Asked {
  readonly what: string
  readonly status: number
  readonly ms: number
  readonly answer: Partial<Description> & { readonly message?: string; readonly run?: string }
  /** Columns whose figures differ from DuckDB's, or its count of rows. */
  readonly differences: readonly string[]
}

export interface Report {
  readonly asked: readonly Asked[]
  /** Objects that hold inputs and outputs of more than 1 MiB. */
  readonly objects: number
}

/** S3 is the server of `AWS_ENDPOINT_URL_S3`, or else one of moto's that lives as long as this. */
export async function run(say: (line: string) => void): Promise<Report> {
  const dir = mkdtempSync(path.join(tmpdir(), "http-tasks-"))
  const own = process.env["AWS_ENDPOINT_URL_S3"] === undefined ? await startMoto() : undefined
  const environment = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "example",
    AWS_SECRET_ACCESS_KEY: "example",
    AWS_ENDPOINT_URL_S3: own?.endpoint ?? process.env["AWS_ENDPOINT_URL_S3"],
  }
  for (const [name, value] of Object.entries(environment)) process.env[name] ??= value
  const s3 = new S3Client({})
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
  const site = await startSite()
  const node = await startNode({
    files: [path.join(import.meta.dirname, "service.ts")],
    dataDir: path.join(dir, "data"),
    valuesAt: `s3://${bucket}/values`,
    port: 0,
    log: "warn",
  })
  try {
    say(`Millrace at ${node.url}, large values at s3://${bucket}/values, tables to fetch at ${site.url}`)
    const json = { "content-type": "application/json" }
    const csv = { "content-type": "text/csv" }
    const ask = (what: string, query: string, headers: Record<string, string>, body: string, file?: string): Promise<Asked> =>
      asked(`${node.url}/tables${query}`, what, headers, body, file)
    const zipcodes = readFileSync(path.join(data, "zipcodes.csv"), "utf8")
    const all = [
      await ask("a table that is fetched", "", json, JSON.stringify({ url: `${site.url}/seattle-weather.csv` }), "seattle-weather.csv"),
      await ask("a table of 2 MB in the request, all its rows in the answer", "?rows=all", csv, zipcodes, "zipcodes.csv"),
      await ask("a site that fails twice", "", json, JSON.stringify({ url: `${site.url}/unsteady/airports.csv` }), "airports.csv"),
      await ask("a table that is not there", "", json, JSON.stringify({ url: `${site.url}/nothing.csv` })),
      await ask("no url", "", json, JSON.stringify({ url: 7 })),
      await ask("an answer later", "?wait=0", json, JSON.stringify({ url: `${site.url}/weather.csv` })),
    ]
    const { KeyCount: objects = 0 } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "values/" }))
    return { asked: all, objects }
  } finally {
    await node.close()
    site.close()
    s3.destroy()
    await own?.stop()
    if (own !== undefined) delete process.env["AWS_ENDPOINT_URL_S3"]
    rmSync(dir, { recursive: true, force: true })
  }
}

async function asked(url: string, what: string, headers: Record<string, string>, body: string, file?: string): Promise<Asked> {
  const from = performance.now()
  const reply = await fetch(url, { method: "POST", headers, body })
  const answer = (await reply.json()) as Asked["answer"]
  const ms = Math.round(performance.now() - from)
  return { what, status: reply.status, ms, answer, differences: file === undefined ? [] : await differencesOf(answer, path.join(data, file)) }
}

/** Asks DuckDB the same of the same file. */
async function differencesOf({ rows, columns = [] }: Asked["answer"], file: string): Promise<string[]> {
  const database = await DuckDb.open()
  try {
    await database.run(`CREATE TABLE t AS SELECT * FROM read_csv(${literal(file)}, all_varchar = true)`)
    const differences: string[] = []
    const { n } = await database.row<{ n: number }>("SELECT count(*)::DOUBLE AS n FROM t")
    if (n !== rows) differences.push(`${rows} rows, not ${n}`)
    for (const { name, distinct, missing, mean } of columns) {
      const column = `"${name.replaceAll('"', '""')}"`
      const theirs = await database.row<{ distinct: number; missing: number; mean: number | null }>(
        `SELECT count(DISTINCT ${column})::DOUBLE AS distinct, count(*) FILTER (${column} IS NULL)::DOUBLE AS missing, avg(TRY_CAST(${column} AS DOUBLE)) AS mean FROM t`,
      )
      const agrees = theirs.distinct === distinct && theirs.missing === missing && (mean === undefined || Math.abs((theirs.mean ?? Number.NaN) - mean) <= 1e-9 * Math.abs(mean))
      if (!agrees) differences.push(`${name}: ${JSON.stringify(theirs)}`)
    }
    return differences
  } finally {
    database.close()
  }
}

/** The tables of vega-datasets over HTTP; below `/unsteady/` each fails twice before it comes. */
async function startSite(): Promise<{ readonly url: string; close(): void }> {
  let failures = 2
  const server = createServer((request, reply) => {
    const { dir, base } = path.parse(request.url ?? "")
    if (dir === "/unsteady" && failures-- > 0) return reply.writeHead(503).end()
    createReadStream(path.join(data, base))
      .on("error", () => reply.writeHead(404).end())
      .pipe(reply)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() }
}
