// Packs every published package as `npm publish` would and lets publint and attw look at the tarballs: what a user
// installs must resolve, with its types, in every modern resolution mode.
import { execFileSync, spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { root, workspaces } from "./workspaces.ts"

// From nothing, so that a file whose source is gone is not packed.
for (const args of [["-b", "--clean"], ["-b"]]) {
  if (spawnSync("tsc", args, { cwd: root, stdio: "inherit" }).status !== 0) {
    console.error("pack-check: the build fails, so there is nothing to pack; mend what tsc said above")
    process.exit(1)
  }
}

const target = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-pack-"))
let failed = 0
try {
  for (const { dir, name } of workspaces().filter(({ published }) => published)) {
    const packed = JSON.parse(
      execFileSync("npm", ["pack", "--json", "--silent", "--workspace", dir, "--pack-destination", target], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }),
    ) as readonly { filename: string; size: number; files: readonly { path: string }[] }[]
    const tarball = packed[0]
    if (tarball === undefined) throw new Error(`npm pack made nothing of ${dir}`)
    const file = path.join(target, tarball.filename)
    const findings = [
      ...run("publint", ["run", file, "--strict"]),
      ...run("attw", [file, "--profile", "esm-only", "--format", "ascii", "--no-emoji", "--no-color", "--no-definitely-typed"]),
      ...["LICENSE", "package.json"].filter((wanted) => !tarball.files.some(({ path: at }) => at === wanted)).map((wanted) => `lacks ${wanted}: copy it from the root into ${dir}\n`),
      ...tarball.files.filter(({ path: at }) => /\.test\.|tsbuildinfo/.test(at)).map(({ path: at }) => `packs ${at}, which no user needs\n`),
    ]
    console.log(`${findings.length === 0 ? "good" : "BAD "} ${name} ${(tarball.size / 1024).toFixed(1)} KB, ${tarball.files.length} files`)
    for (const finding of findings) console.log(finding)
    if (findings.length > 0) failed++
  }
} finally {
  fs.rmSync(target, { recursive: true, force: true })
}
process.exitCode = failed === 0 ? 0 : 1

function run(tool: string, args: readonly string[]): readonly string[] {
  const { status, stdout, stderr } = spawnSync(tool, args, { cwd: root, encoding: "utf8" })
  return status === 0 ? [] : [`${tool}:\n${stdout}${stderr}`]
}
