/** The store, which tells when it is at work: a thread that is ended from outside in native code takes the process along. */
import type { StateReader } from "@millrace/engine"
import { activity } from "./messages.ts"

/** @param doing - shows 1 while the store is at work: see `activity.inStore` */
export function toldReader(open: () => StateReader, doing: Float64Array): StateReader {
  const inStore = <T>(act: () => T): T => {
    doing[activity.inStore] = 1
    try {
      return act()
    } finally {
      doing[activity.inStore] = 0
    }
  }
  const store = inStore(open)
  return {
    buckets: (scope, partition) => inStore(() => store.buckets(scope, partition)),
    get: (scope, partition, bucket, key) => inStore(() => store.get(scope, partition, bucket, key)),
    *entries(scope, partition, bucket, range) {
      const entries = inStore(() => store.entries(scope, partition, bucket, range)[Symbol.iterator]())
      for (let next = inStore(() => entries.next()); next.done !== true; next = inStore(() => entries.next())) yield next.value
    },
    close: () => inStore(() => store.close()),
  }
}
