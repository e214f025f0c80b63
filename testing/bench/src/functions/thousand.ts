/** A thousand functions that nobody calls. */
import { fn, service } from "millrace"

export default service(
  "thousand",
  Array.from({ length: 1_000 }, (_, i) => fn(`idle-${i}`, "./handler.mjs")),
)
