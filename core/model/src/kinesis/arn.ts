/** The names that AWS gives to what a node has. */

/** The account in every name: a node has one. */
export const account = "000000000000"

export function streamArn(region: string, stream: string): string {
  return `arn:aws:kinesis:${region}:${account}:stream/${stream}`
}
