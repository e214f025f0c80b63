/**
 * A query as a service for `millrace start`, told which by the environment: NEXMARK_QUERY, NEXMARK_PARTITIONS,
 * NEXMARK_OUT_OF_ORDER_MS and NEXMARK_FILE_KB. Rows go to files, small ones, so that there are many moments at which one is being
 * written.
 */
import { type Outlet, service } from "millrace"
import { files } from "millrace/files"
import { type Answer, isOutlet, isTable, queries } from "./queries/index.ts"
import { nexmark } from "./streams.ts"

const query = process.env["NEXMARK_QUERY"] ?? ""
const partitions = Number(process.env["NEXMARK_PARTITIONS"] ?? 4)
const outOfOrder = Number(process.env["NEXMARK_OUT_OF_ORDER_MS"] ?? 4_000)
const roll = { size: `${Number(process.env["NEXMARK_FILE_KB"] ?? 64)}KB` } as const
const build = queries[query]
if (build === undefined) throw new Error(`NEXMARK_QUERY: there is no query ${JSON.stringify(query)}`)

export default service("nexmark", [outletOf(build(nexmark({ partitions, outOfOrder })))])

function outletOf(answer: Answer): Outlet {
  if (isOutlet(answer)) return answer
  if (!isTable(answer)) return answer.to(files("result", { roll }))
  return answer
    .changes()
    .map(({ key, new: row }) => ({ key, row }))
    .to(files("result", { roll }))
}
