// A stream's function that calls a task, which it may not.
import { service, stream, task } from "@millrace/sdk"

const freeze = task("freeze", { run: (card: string) => card })
const cards = stream<{ card: string }>("cards", { partitions: 1 })
const frozen = stream<string>("frozen", { partitions: 1 })

export default service("bank", [freeze, cards.mapAsync("ask", async ({ card }) => freeze.call(card), { retry: 1 }).to(frozen)])
