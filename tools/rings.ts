// Who may import whom. One ordered array says it; every rule of dependency-cruiser is made from it.
//
// Order is the first rule: a package may name only packages that stand above it, so the graph cannot have a cycle
// between packages and arrows point at core.
import type { IConfiguration, IForbiddenRuleType } from "dependency-cruiser"

interface Member {
  readonly dir: string
  /** Rings or packages that any file of this one may import, itself apart. */
  readonly imports: readonly string[]
  /** Rings or packages that only its `compose.ts` (or `…-compose.ts`) may import. */
  readonly composes?: readonly string[]
  /** npm packages that live here and nowhere else. */
  readonly homeOf?: readonly string[]
}

const members: readonly Member[] = [
  { dir: "core/model", imports: [] },
  { dir: "core/sdk", imports: ["core/model"] },
  { dir: "core/engine", imports: ["core/model"] },
  { dir: "core/protocol", imports: ["core/model"] },
  { dir: "adapters/memory", imports: ["core"] },
  { dir: "adapters/cron", imports: ["core"], homeOf: ["croner"] },
  { dir: "adapters/disk", imports: ["core"], homeOf: ["lmdb"] },
  {
    dir: "adapters/files",
    imports: ["core"],
    homeOf: ["csv-parse", "hyparquet", "hyparquet-compressors", "hyparquet-writer"],
  },
  { dir: "adapters/s3", imports: ["core"], homeOf: ["@aws-sdk/client-s3"] },
  { dir: "adapters/messages", imports: ["core"], homeOf: ["@aws-sdk/client-sns", "@aws-sdk/client-sqs"] },
  // The gateway defines the small port that it calls, so it stands above the runtime and cannot import it.
  { dir: "hosts/gateway", imports: ["core"], homeOf: ["@hono/node-server", "hono", "prom-client"] },
  // So does the Kinesis API: the command line puts the three together.
  { dir: "hosts/kinesis", imports: ["core"] },
  { dir: "hosts/runtime", imports: ["core"], composes: ["adapters"], homeOf: ["@opentelemetry/api", "pino"] },
  {
    dir: "hosts/cli",
    imports: ["core", "hosts/gateway", "hosts/kinesis", "hosts/runtime"],
    composes: ["adapters"],
    homeOf: ["commander"],
  },
  { dir: "testing/driver", imports: ["core", "adapters/cron", "adapters/memory", "hosts/gateway", "hosts/runtime"] },
  { dir: "testing/conformance", imports: ["core", "adapters", "hosts"] },
  { dir: "testing/bench", imports: ["core", "adapters", "hosts", "testing"] },
  { dir: "testing/verify", imports: ["core", "adapters", "hosts", "testing"] },
  { dir: "examples/flights", imports: ["core", "hosts"] },
  { dir: "examples/http-tasks", imports: ["core", "hosts", "testing"] },
  { dir: "examples/kinesis-lambda-s3", imports: ["core", "hosts", "testing"] },
]

const rings = [...new Set(members.map(({ dir }) => ringOf(dir)))]
const anyMember = `^(${rings.join("|")})/`
const shipped = "^(core|adapters|hosts)/"
const compose = "(^|[/-])compose\\.ts$"
const test = "\\.test\\.ts$|/test/"

const rules: readonly IForbiddenRuleType[] = [
  ...members.flatMap(rulesOf),
  {
    name: "core-is-pure",
    comment: "core reaches nothing outside core, at any depth: take the capability as a parameter (a port).",
    severity: "error",
    from: { path: "^core/", pathNot: test },
    to: { reachable: true, pathNot: "^core/" },
  },
  {
    name: "testing-does-not-ship",
    comment: "nothing that ships imports testing or an example.",
    severity: "error",
    from: { path: shipped, pathNot: test },
    to: { path: "^(testing|examples|tools)/" },
  },
  {
    name: "by-package-name",
    comment: "another package is imported by its name, which exports only what it lists; not by a path into it.",
    severity: "error",
    from: { path: "^([^/]+/[^/]+)/" },
    to: { path: anyMember, pathNot: "^$1/", dependencyTypes: ["local"] },
  },
  {
    name: "no-cycle",
    comment:
      "modules form no cycle, type-only imports included: move what both need into a third. The words of the language " +
      "are apart: a flow makes a table and a table a flow, so what is in core/sdk/src/flow is one unit in several files.",
    severity: "error",
    from: { pathNot: "^core/sdk/src/flow/" },
    to: { circular: true },
  },
  {
    name: "resolves",
    comment: "every import resolves.",
    severity: "error",
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: "source-not-dist",
    comment: "inside the repository a package is used from source, never from its build.",
    severity: "error",
    from: {},
    to: { path: `${anyMember}[^/]+/dist/` },
  },
]

export const configuration: IConfiguration = {
  forbidden: [...rules],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@millrace/source", "types", "import", "node", "default"],
      extensions: [".ts", ".js", ".d.ts", ".json"],
    },
  },
}

function rulesOf(member: Member, index: number): IForbiddenRuleType[] {
  const above = members.slice(0, index)
  const own = [member.dir, ...member.imports]
  const composed = [...own, ...(member.composes ?? [])]
  for (const named of composed.slice(1)) {
    const named_ = members.filter(({ dir }) => dir === named || ringOf(dir) === named)
    const later = named_.filter((other) => ringOf(other.dir) !== ringOf(member.dir) && !above.includes(other))
    if (named_.length === 0 || later.length > 0) throw new Error(`rings.ts: ${member.dir} may not name ${named}, which does not stand above it.`)
  }
  const name = member.dir.replace("/", "-")
  const result: IForbiddenRuleType[] = [
    {
      name: `ring-${name}`,
      comment: `${member.dir} imports only ${own.join(", ")}${member.composes ? `; in compose.ts also ${member.composes.join(", ")}` : ""}.`,
      severity: "error",
      from: { path: `^${member.dir}/`, pathNot: `${test}|${compose}` },
      to: { path: anyMember, pathNot: under(own) },
    },
    {
      name: `compose-${name}`,
      comment: `compose.ts of ${member.dir} imports only ${composed.join(", ")}.`,
      severity: "error",
      from: { path: `^${member.dir}/.*${compose}` },
      to: { path: anyMember, pathNot: under(composed) },
    },
  ]
  const homeOf = member.homeOf ?? []
  if (new RegExp(shipped).test(member.dir)) {
    result.push({
      name: `stranger-${name}`,
      comment: `${member.dir} uses ${homeOf.length > 0 ? `no npm package but ${homeOf.join(", ")}` : "no npm package"}; a new one is a decision with a page in docs/decisions and a home in tools/rings.ts.`,
      severity: "error",
      from: { path: `^${member.dir}/`, pathNot: test },
      to: { path: "node_modules/", pathNot: [...homeOf, "@types/node"].map(inNodeModules).join("|") },
    })
  }
  if (homeOf.length > 0) {
    result.push({
      name: `home-${name}`,
      comment: `${homeOf.join(", ")}: only ${member.dir} imports it; ask ${member.dir} for what you need.`,
      severity: "error",
      // An example is a user's program.
      from: { pathNot: `^(${member.dir}|examples)/` },
      to: { path: homeOf.map(inNodeModules).join("|") },
    })
  }
  return result
}

function ringOf(dir: string): string {
  return dir.split("/")[0] ?? dir
}

function under(dirs: readonly string[]): string {
  return `^(${dirs.join("|")})/`
}

function inNodeModules(name: string): string {
  return `node_modules/${name.replaceAll(".", "\\.")}/`
}
