// moto's server, an S3 that others wrote, over HTTP. `npm test` sees to it that there is a Python that has it.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"

const install = "python3 -m pip install 'moto[server]>=5,<6'"

/** Address and life of a running server. Its buckets are gone when it stops. */
export interface Moto {
  readonly port: number
  readonly endpoint: string
  stop(): Promise<void>
}

/** Starts a server on a free port, or on the given one. */
export async function startMoto(port = 0): Promise<Moto> {
  const python = process.env["MILLRACE_TEST_PYTHON"] ?? "python3"
  const server = spawn(python, ["-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)])
  const listening = await portOf(server)
  return {
    port: listening,
    endpoint: `http://127.0.0.1:${listening}`,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return
      server.kill("SIGKILL")
      await once(server, "exit")
    },
  }
}

async function portOf(server: ChildProcessWithoutNullStreams): Promise<number> {
  const said: string[] = []
  server.stdout.resume()
  try {
    // Ends when the server does, or when it cannot be started.
    server.once("error", (fault) => server.stderr.destroy(fault))
    for await (const line of createInterface({ input: server.stderr })) {
      said.push(line)
      const port = /Running on http:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1]
      if (port !== undefined) return Number(port)
    }
  } catch (fault) {
    said.push(String(fault))
  } finally {
    server.stderr.resume()
  }
  throw new Error(`moto's server did not start; if Python lacks it: ${install}\n${said.join("\n")}`)
}
