/** The whole pipeline once: an S3 server, a node with the service, the producer, and a look at what lies in the bucket. */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { promisify } from "node:util"
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3"
import { startMoto } from "@millrace/verify"
import { connect } from "millrace/client"
import { startNode } from "millrace/node"
import { type Archive, archiveIn } from "./archived.ts"

const bucket = "quakes"
const here = import.meta.dirname

/**
 * Runs it. S3 is the server of `AWS_ENDPOINT_URL_S3`, or else one of moto's that lives as long as this.
 *
 * @param say - gets a line for each step
 */
export async function run(say: (line: string) => void): Promise<Archive> {
  const dir = mkdtempSync(path.join(tmpdir(), "kinesis-lambda-s3-"))
  const own = process.env["AWS_ENDPOINT_URL_S3"] === undefined ? await startMoto() : undefined
  // What AWS's own clients look for, here, in the handler and in the producer.
  const environment = {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "example",
    AWS_SECRET_ACCESS_KEY: "example",
    AWS_ENDPOINT_URL_S3: own?.endpoint ?? process.env["AWS_ENDPOINT_URL_S3"],
    BUCKET: bucket,
  }
  for (const [name, value] of Object.entries(environment)) process.env[name] ??= value
  const s3 = new S3Client({})
  try {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }))
    say(`S3 at ${process.env["AWS_ENDPOINT_URL_S3"]}`)
    const node = await startNode({ files: [path.join(here, "service.ts")], dataDir: path.join(dir, "data"), port: 0, log: "warn" })
    try {
      say(`Millrace at ${node.url}`)
      const started = performance.now()
      const sent = await promisify(execFile)(process.execPath, [path.join(here, "producer.ts")], {
        env: { ...process.env, AWS_ENDPOINT_URL_KINESIS: node.url },
      })
      say(sent.stdout.trim())
      const [archive] = await settled(node.url, () => node.status().idle)
      const ms = Math.round(performance.now() - started)
      say(`${archive?.mapping?.invoked ?? 0} records given to the handler ${ms} ms after the producer was started`)
      return await archiveIn(s3, bucket, path.join(dir, "objects"))
    } finally {
      await node.close()
    }
  } finally {
    s3.destroy()
    await own?.stop()
    if (own !== undefined) delete process.env["AWS_ENDPOINT_URL_S3"]
    rmSync(dir, { recursive: true, force: true })
  }
}

/** The functions, once nothing is under way. */
async function settled(url: string, isIdle: () => boolean): ReturnType<ReturnType<typeof connect>["functions"]> {
  const millrace = connect(url)
  for (;;) {
    const functions = await millrace.functions()
    if (isIdle() && functions.every(({ busy, mapping }) => busy === 0 && mapping?.state === "Enabled")) return functions
    await new Promise((go) => setTimeout(go, 50))
  }
}
