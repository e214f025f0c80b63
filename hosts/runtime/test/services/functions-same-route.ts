import { http, service } from "@millrace/sdk"

export default service("same-route", [http("GET /orders/{order}", "../functions/echo.ts", { name: "other" })])
