// `npm run api`: writes what users can import, a report for each entry, to api/; `--check`, as `npm run check` calls it, compares
// instead, so that no change of the surface goes unseen in a review. It reads the declarations in dist/, so the build comes first.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor"
import { root } from "./workspaces.ts"

/**
 * What users import, by the names of the reports. The other packages are parts of these: their types appear wherever a user
 * meets them. The first entry has the types that all of them may speak of.
 */
const entries: Readonly<Record<string, string>> = {
  millrace: "hosts/cli/dist/index.d.ts",
  "millrace.client": "hosts/cli/dist/client.d.ts",
  "millrace.files": "hosts/cli/dist/files.d.ts",
  "millrace.node": "hosts/cli/dist/node.d.ts",
  "millrace.webhook": "hosts/cli/dist/webhook.d.ts",
  "millrace-testing": "testing/driver/dist/index.d.ts",
}

/** Types that users meet but have no reason to name: held behind a `~`, or taken by constructors that only our own code calls. */
const inside: ReadonlySet<string> = new Set(
  Object.values({
    beforeCompiling: ["Definition", "FunctionDefinition", "KeepPlan", "Origin", "Part", "PatternSkip", "SinkDefinition", "StatefulDefinition", "StreamDefinition", "TaskDefinition", "WindowParts"],
    partsOfPlansAndPrograms: ["FunctionCode", "FunctionPlan", "OperatorCode", "SinkPlan", "StagePlan", "StreamCode", "StreamPlan", "TaskCode", "TaskPlan"],
    partsOfTestServices: ["Feeds", "Turns", "Works"],
    // Its keys are ErrorCode, which can be imported.
    tableOfErrors: ["errorTable"],
    typesOfJson: ["HoldsUnspeakable", "JsonPart", "LevelsLookedAt", "NullIfNothing", "PlainInJson", "UnspeakablePart"],
    typesOfServices: ["TaskTypes"],
  }).flat(),
)

const reports = path.join(root, "api")
const written = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-api-"))
const faults: string[] = []
try {
  const texts = read()
  if (process.argv.includes("--check")) compare(texts)
  else write(texts)
} finally {
  fs.rmSync(written, { recursive: true, force: true })
}
for (const fault of faults) console.error(fault)
process.exitCode = faults.length === 0 ? 0 : 1

/** The report of each entry; what is forgotten is a fault. */
function read(): ReadonlyMap<string, string> {
  const configs = Object.entries(entries).map(([report, file]) => configuration(report, file))
  const [first] = configs
  if (first === undefined) throw new Error("there is no entry")
  const compilerState = CompilerState.create(first, { additionalEntryPoints: Object.values(entries).map((file) => path.join(root, file)) })
  const texts = new Map<string, string>()
  const forgotten: { readonly report: string; readonly name: string; readonly at: string }[] = []
  for (const [index, report] of Object.keys(entries).entries()) {
    Extractor.invoke(configs[index] ?? first, {
      localBuild: true,
      compilerState,
      messageCallback(message) {
        message.handled = true
        const at = `${path.relative(root, message.sourceFilePath ?? "")}:${message.sourceFileLine ?? 0}`
        if (message.messageId === "ae-forgotten-export") forgotten.push({ report, name: /"([^"]+)"/.exec(message.text)?.[1] ?? "", at })
        else if (message.logLevel === ExtractorLogLevel.Error) faults.push(`${report}: ${at} ${message.text}`)
      },
    })
    texts.set(report, fs.readFileSync(path.join(written, `${report}.api.md`), "utf8"))
  }
  const main = texts.get("millrace") ?? ""
  for (const { report, name, at } of forgotten) {
    if (inside.has(name) || new RegExp(`^export (?:declare )?(?:abstract )?(?:interface|type|class) ${name}\\b`, "m").test(main)) continue
    faults.push(`${report}: ${at} speaks of ${name}, which no user can import: export it from this entry or from millrace, or, if nobody has a reason to name it, put it among \`inside\` in tools/api.ts`)
  }
  return texts
}

function compare(texts: ReadonlyMap<string, string>): void {
  for (const [report, text] of texts) {
    const file = path.join(reports, `${report}.api.md`)
    const known = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : ""
    if (known === text) continue
    const before = new Set(known.split("\n"))
    const after = new Set(text.split("\n"))
    const gone = [...before].filter((line) => !after.has(line)).map((line) => `  - ${line}`)
    const come = [...after].filter((line) => !before.has(line)).map((line) => `  + ${line}`)
    faults.push(
      `api/${report}.api.md is not what users can import now. If the change is meant, run \`npm run api\` and commit the report with it:`,
      ...[...gone, ...come].slice(0, 40),
    )
  }
  for (const file of fs.existsSync(reports) ? fs.readdirSync(reports) : []) {
    if (!texts.has(file.replace(/\.api\.md$/, ""))) faults.push(`api/${file} is the report of no entry: remove it, or name its entry in tools/api.ts`)
  }
}

function write(texts: ReadonlyMap<string, string>): void {
  fs.mkdirSync(reports, { recursive: true })
  for (const [report, text] of texts) fs.writeFileSync(path.join(reports, `${report}.api.md`), text)
  console.log(`${texts.size} reports in api/`)
}

function configuration(report: string, file: string): ExtractorConfig {
  const projectFolder = path.join(root, path.dirname(path.dirname(file)))
  const quiet = { default: { logLevel: ExtractorLogLevel.None } }
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder,
      mainEntryPointFilePath: path.join(root, file),
      bundledPackages: ["@millrace/*"],
      newlineKind: "lf",
      // The build's options, but read from dist/: what users' compilers see.
      compiler: { overrideTsconfig: { extends: path.join(root, "tsconfig.base.json"), compilerOptions: { customConditions: [] }, files: [path.join(root, file)] } },
      apiReport: { enabled: true, reportFileName: report, reportFolder: written, reportTempFolder: path.join(written, "temp") },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: { ...quiet, "ae-forgotten-export": { logLevel: ExtractorLogLevel.Error } },
        tsdocMessageReporting: quiet,
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: path.join(projectFolder, "package.json"),
  })
}
