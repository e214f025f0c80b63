import { fn, service } from "@millrace/sdk"

export default service("same-name", [fn("echo", "../functions/echo.ts")])
