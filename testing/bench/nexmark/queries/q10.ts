import { files } from "millrace/files"
import { day, minute } from "../calendar.ts"
import type { Nexmark } from "../streams.ts"

/** Log to file system: every bid, in CSV files by day and minute; a file is whole when its minute is over. */
export function q10({ bids }: Nexmark) {
  return bids
    .map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price,
      dateTime,
      extra,
      dt: day(dateTime),
      hm: minute(dateTime),
    }))
    .to(files("q10", { format: "csv", partitionBy: ["dt", "hm"], columns: whole, roll: { watermark: "1m" } }))
}

const whole = { auction: "int64", bidder: "int64", price: "int64", dateTime: "int64", extra: "string" } as const
