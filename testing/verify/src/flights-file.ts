/** Where the real flights lie: a file of the npm package vega-datasets. */
import { fileURLToPath } from "node:url"

/** 3,000,000 flights within the USA, January to June 2001. */
export const flightsParquet: string = fileURLToPath(
  new URL("../data/flights-3m.parquet", import.meta.resolve("vega-datasets")),
)
