/** The functions that are measured. */
import { fn, service } from "millrace"

export default service("functions", [fn("warm", "./handler.mjs"), fn("cold", "./handler.mjs")])
