// Aggregates of the Kinesis Producer Library, made by the library for JavaScript that AWS publishes.
interface Made {
  readonly partitionKey: string
  readonly data: Buffer
  readonly explicitHashKey?: string
}

// Its own declarations ask for packages that are not here.
const { aggregate } = (await import("aws-kinesis-agg")).default as unknown as {
  aggregate(
    records: Made[],
    onEncoded: (made: Made, done: (error?: Error) => void) => void,
    onEnd: () => void,
    onError: (error: Error) => void,
  ): void
}

/** These records as one of the Kinesis Producer Library. */
export function aggregated(records: Made[]): Promise<Made> {
  return new Promise((resolve, reject) => {
    let whole: Made | undefined
    aggregate(
      records,
      (made, done) => {
        whole = made
        done()
      },
      () => (whole === undefined ? reject(new Error("nothing was made")) : resolve(whole)),
      reject,
    )
  })
}
