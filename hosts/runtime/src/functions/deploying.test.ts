// Functions of services as a node takes them up.
import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { openNode, serviceFile } from "../../test/bench.ts"

async function refusal(act: Promise<unknown>): Promise<readonly [code: string, message: string]> {
  try {
    await act
  } catch (error) {
    if (isMillraceError(error)) return [error.code, error.message]
    throw error
  }
  return ["none", ""]
}

test("two services with one function's name, or one route, are refused, and so is a handler without a file", async (t) => {
  const { node } = await openNode(t, ["functions"])
  const deploy = (name: string): Promise<readonly [string, string]> => refusal(node.deploy([serviceFile("functions"), serviceFile(name)]))
  const [nameCode, nameSaid] = await deploy("functions-same-name")
  assert.deepEqual([nameCode, /there is already a function "echo" on this node/.test(nameSaid)], ["MR1102", true])
  const [routeCode, routeSaid] = await deploy("functions-same-route")
  assert.deepEqual([routeCode, /"order" and "other" both answer "GET \/orders\/\{order\}"/.test(routeSaid)], ["MR1103", true])
  const [fileCode, fileSaid] = await deploy("functions-no-file")
  assert.deepEqual([fileCode, /function "lost": there is no file \.\/lost\.ts/.test(fileSaid)], ["MR1103", true])
  // The services before go on.
  assert.equal((await node.functions.invoke("echo", "1")).kind, "returned")
})

test("functions are deployed, invoked and counted, and go with their service", async (t) => {
  const { node } = await openNode(t, ["functions"])
  assert.deepEqual(node.functions.list.map(({ plan, service, instances }) => [plan.name, service, instances]), [["echo", "functions", 0], ["order", "functions", 0]])
  assert.equal((await node.functions.invoke("echo", "1")).kind, "returned")
  const counted = node.samples().find(({ name }) => name === "millrace_function_invocations_total")
  assert.deepEqual(counted?.values.find(({ labels }) => labels["outcome"] === "returned"), { labels: { function: "echo", outcome: "returned" }, value: 1 })
  await node.deploy([serviceFile("orders")])
  await assert.rejects(node.functions.invoke("echo", "1"), { code: "MR1031", message: /This node has none/ })
})
