import { fn, service } from "@millrace/sdk"

export default service("no-file", [fn("lost", "./lost.ts")])
