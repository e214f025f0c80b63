/** The `NextToken` of a list: what was asked for, behind what the next page begins, and when it was given out. */
import { KinesisFailure } from "./failure.ts"

/** A token is good for so long, in ms. */
const tokenMsMax = 300_000

export interface PageToken {
  readonly stream: string
  /** The last name of the page before. */
  readonly after: string
  /** The filter that the list began with. */
  readonly filter?: unknown
}

/** @param now - ms */
export function tokenOf(page: PageToken, now: number): string {
  return Buffer.from(JSON.stringify([page, now])).toString("base64")
}

/** @throws KinesisFailure InvalidArgumentException, ExpiredNextTokenException */
export function pageOf(token: string, now: number): PageToken {
  const [page, given] = parsed(token)
  if (now - given > tokenMsMax) {
    throw new KinesisFailure("ExpiredNextTokenException", "The NextToken has expired; list again from the beginning.")
  }
  return page
}

function parsed(token: string): [PageToken, number] {
  try {
    const [page, given] = JSON.parse(Buffer.from(token, "base64").toString()) as [PageToken, number]
    if (typeof page.stream === "string" && typeof page.after === "string" && Number.isFinite(given))
      return [page, given]
  } catch {
    // No JSON, or none of ours.
  }
  throw new KinesisFailure("InvalidArgumentException", "Invalid NextToken.")
}
