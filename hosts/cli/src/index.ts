/** What a service is written with: `import { count, service, stream, tumbling } from "millrace"`. */
export {
  aggregate,
  collect,
  compile,
  count,
  diagram,
  distinctCount,
  first,
  hopping,
  isService,
  last,
  max,
  mean,
  min,
  service,
  session,
  stream,
  sum,
  tumbling,
} from "@millrace/sdk"
export type * from "@millrace/sdk"
