// Another service beside "orders": it must not suffer from what goes wrong there.
import { service, stream } from "@millrace/sdk"

const parcels = stream<{ id: string }>("parcels", { partitions: 2, key: ({ id }) => id })
const shipped = stream<{ id: string; shipped: boolean }>("shipped", { partitions: 2, key: ({ id }) => id })

export default service("parcels", [parcels.map(({ id }) => ({ id, shipped: true })).to(shipped)])
