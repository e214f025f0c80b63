// A function that is called by its name.
import { fn, service } from "@millrace/sdk"

export default service("noted", [fn("note", "../functions/notes.ts", { concurrency: 3, env: { TAKEN: process.env["MILLRACE_TEST_TAKEN"] ?? "" } })])
