import { service, stream } from "millrace"

/** Its stream has no key yet. */
const visits = stream<{ user: string }>("visits", { partitions: 2 })

export default service("visits", [visits.filter(({ user }) => user !== "").to(stream("seen", { partitions: 1 }))])
