// What the tests need besides npm packages: an S3 server that others wrote, and a browser. moto is used where Python has it;
// otherwise it goes into a virtual environment under node_modules/.cache, so the machine's own Python stays as it is.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { root } from "./workspaces.ts"

const environment = path.join(root, "node_modules/.cache/moto")
const ownPython = path.join(environment, "bin/python")

/** The Python that has moto's server, installed first where there is none. */
export function pythonWithMoto(): string {
  for (const python of ["python3", ownPython]) if (hasMoto(python)) return python

  console.log("test setup: no Python here has moto (the S3 server of the tests); installing it under node_modules/.cache/moto")
  if (!makeEnvironment()) {
    if (process.getuid?.() !== 0 || !succeeds("apt-get", ["--version"])) {
      fail("python3 cannot make a virtual environment. Install python3 and python3-venv, then run the tests again.")
    }
    console.log("test setup: apt-get install python3 python3-venv, which making a virtual environment needs")
    const quiet = { DEBIAN_FRONTEND: "noninteractive" }
    if (!run("apt-get", ["update", "-q"], quiet) || !run("apt-get", ["install", "-y", "-q", "--no-install-recommends", "python3", "python3-venv"], quiet)) {
      fail("apt-get could not install python3 and python3-venv; its words are above.")
    }
    if (!makeEnvironment()) fail("python3 -m venv still fails; its words are above.")
  }
  if (!run(ownPython, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "moto[server]>=5,<6"]) || !hasMoto(ownPython)) {
    fail("pip could not install moto[server]; its words are above. With moto in python3 already, nothing is installed.")
  }
  return ownPython
}

/** A Chromium: what MILLRACE_TEST_CHROMIUM names, else Debian's, installed first where there is none. */
export function chromium(): string {
  const named = process.env["MILLRACE_TEST_CHROMIUM"] ?? "/usr/bin/chromium"
  if (fs.existsSync(named)) return named
  if (process.env["MILLRACE_TEST_CHROMIUM"] !== undefined || process.getuid?.() !== 0 || !succeeds("apt-get", ["--version"])) {
    fail(`there is no browser at ${named}. Install Chromium (Debian: apt-get install chromium), or name one in MILLRACE_TEST_CHROMIUM.`)
  }
  console.log("test setup: apt-get install chromium, which the tests of the client in a browser need")
  const quiet = { DEBIAN_FRONTEND: "noninteractive" }
  if (!run("apt-get", ["update", "-q"], quiet) || !run("apt-get", ["install", "-y", "-q", "--no-install-recommends", "chromium"], quiet)) {
    fail("apt-get could not install chromium; its words are above.")
  }
  return named
}

function makeEnvironment(): boolean {
  fs.rmSync(environment, { recursive: true, force: true })
  return succeeds("python3", ["-m", "venv", "--help"]) && run("python3", ["-m", "venv", environment])
}

function hasMoto(python: string): boolean {
  const finds = "import importlib.util as u, sys; sys.exit(0 if all(u.find_spec(m) for m in ('moto', 'flask', 'werkzeug')) else 1)"
  return succeeds(python, ["-c", finds])
}

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): boolean {
  return spawnSync(command, args, { stdio: "inherit", env: { ...process.env, ...env } }).status === 0
}

function fail(sentence: string): never {
  console.error(`test setup: ${sentence}`)
  process.exit(1)
}
