// A function whose handler writes to the node that it runs on, with an unmodified client.
import { fn, service } from "millrace"

export default service("forwarding", [fn("forward", "../functions/forward.mjs", { timeout: "30s" })])
