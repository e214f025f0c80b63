/** The service model as botocore has it, and boto3: Python's own client, which the tests' Python brings. */
import { spawn, spawnSync } from "node:child_process"

const python = process.env["MILLRACE_TEST_PYTHON"] ?? "python3"

interface ModelShape {
  readonly type: "string" | "integer" | "long" | "boolean" | "blob" | "timestamp" | "list" | "map" | "structure"
  readonly required?: readonly string[]
  readonly members?: Readonly<Record<string, { readonly shape: string }>>
  readonly member?: { readonly shape: string }
  readonly key?: { readonly shape: string }
  readonly value?: { readonly shape: string }
  readonly enum?: readonly string[]
  readonly min?: number
  readonly max?: number
  readonly pattern?: string
}

export interface Model {
  readonly operations: Readonly<
    Record<
      string,
      { readonly input: { readonly shape: string }; readonly errors?: readonly { readonly shape: string }[] }
    >
  >
  readonly shapes: Readonly<Record<string, ModelShape>>
}

const loading = `
import json, botocore.session
print(json.dumps(botocore.session.get_session().get_component("data_loader").load_service_model("kinesis", "service-2")))
`

export function loadModel(): Model {
  const { stdout, stderr, status } = spawnSync(python, ["-c", loading], { encoding: "utf8", maxBuffer: 64 * 1_048_576 })
  if (status !== 0) throw new Error(`botocore has no model to give: ${stderr}`)
  return JSON.parse(stdout) as Model
}

/** Runs a script with the variables of the environment that AWS's tools read; gives what it prints. */
export function runPython(script: string, url: string): Promise<string> {
  return run(python, ["-c", script], url)
}

/** Runs a program likewise. */
export function run(program: string, args: readonly string[], url: string): Promise<string> {
  const env = {
    ...process.env,
    AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
    AWS_SECRET_ACCESS_KEY: "a secret for tests",
    AWS_DEFAULT_REGION: "eu-west-1",
    AWS_ENDPOINT_URL_KINESIS: url,
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_PAGER: "",
  }
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env })
    let out = ""
    let err = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text))
    child.on("error", reject)
    child.on("close", (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${program} ended with ${code}: ${err}`)),
    )
  })
}
