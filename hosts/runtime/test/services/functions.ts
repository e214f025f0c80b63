// A service with functions: one by name, one over HTTP.
import { fn, http, service } from "@millrace/sdk"

export default service("functions", [fn("echo", "../functions/echo.ts"), http("GET /orders/{id}", "../functions/echo.ts", { name: "order" })])
