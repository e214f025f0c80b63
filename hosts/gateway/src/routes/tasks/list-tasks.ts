/** GET /v1/tasks, GET /v1/tasks/{task}: the tasks and how they stand. */
import { MillraceError } from "@millrace/model"
import type { TaskList } from "@millrace/protocol"
import { json } from "../../answer.ts"
import { assertReady, type Handler } from "../../gate.ts"
import { taskReply } from "../../run-reply.ts"

export const listTasks: Handler = async (_, { node }) => {
  assertReady(node)
  const tasks = await Promise.all(node.tasks.plans.map(async (plan) => taskReply(plan, await node.tasks.stand(plan.name))))
  return json(JSON.stringify({ tasks } satisfies TaskList))
}

export const showTask: Handler = async (context, { node }) => {
  assertReady(node)
  const name = context.req.param("task") ?? ""
  const stand = await node.tasks.stand(name)
  const plan = node.tasks.plans.find((each) => each.name === name)
  // Deployed away while it was asked.
  if (plan === undefined) throw new MillraceError("MR1022", `There is no task ${JSON.stringify(name)}.`, { task: name })
  return json(JSON.stringify(taskReply(plan, stand)))
}
