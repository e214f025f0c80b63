/** What clients of AWS are told of a function. */
import { type FunctionPlan, account } from "@millrace/model"

export function arnOf(region: string, name: string): string {
  return `arn:aws:lambda:${region}:${account}:function:${name}`
}

export function configurationOf({ name, description = "", source, timeoutMs, memoryMegabytes, env }: FunctionPlan, region: string): object {
  const handler = source.kind === "module" ? `${source.file.replace(/^.*[\\/]/, "").replace(/\.\w+$/, "")}.${source.handler}` : "typed"
  return {
    FunctionName: name,
    FunctionArn: arnOf(region, name),
    Runtime: `nodejs${process.versions.node.split(".")[0]}.x`,
    Role: `arn:aws:iam::${account}:role/millrace`,
    Handler: handler,
    CodeSize: 0,
    Description: description,
    Timeout: Math.ceil(timeoutMs / 1000),
    MemorySize: memoryMegabytes,
    LastModified: "1970-01-01T00:00:00.000+0000",
    CodeSha256: "",
    Version: "$LATEST",
    // Values may be secrets: names say enough.
    Environment: { Variables: Object.fromEntries(Object.keys(env).map((variable) => [variable, "***"])) },
    TracingConfig: { Mode: "PassThrough" },
    PackageType: "Zip",
    Architectures: [process.arch === "arm64" ? "arm64" : "x86_64"],
    State: "Active",
    LastUpdateStatus: "Successful",
  }
}

/** The region that the signature names: what a client is configured with comes back in ARNs. */
export function regionOf(authorization: unknown): string {
  const scope = typeof authorization === "string" ? /Credential=[^/]+\/\d{8}\/([a-z0-9-]{1,32})\//.exec(authorization) : null
  return scope?.[1] ?? "us-east-1"
}
