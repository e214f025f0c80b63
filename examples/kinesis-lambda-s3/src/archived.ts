/** What lies in the bucket, and what an independent reader makes of it. */
import { mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3"
import { DuckDb, literal } from "@millrace/verify"

export interface Archive {
  readonly objects: number
  /** Lines in all objects. A batch that was delivered twice may be there twice. */
  readonly lines: number
  /** Earthquakes in the data that are not in the bucket as they are, and the other way round. */
  readonly missing: number
  readonly invented: number
  /** Earthquakes by whole magnitude, as the bucket has them. */
  readonly byMagnitude: ReadonlyArray<{ readonly magnitude: number | null; readonly quakes: number }>
}

/** Downloads all objects and compares them with the data of the producer, in DuckDB. */
export async function archiveIn(s3: S3Client, bucket: string, dir: string): Promise<Archive> {
  mkdirSync(dir, { recursive: true })
  let objects = 0
  for (let token: string | undefined, more = true; more; ) {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "quakes/", ContinuationToken: token }))
    for (const { Key = "" } of page.Contents ?? []) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }))
      writeFileSync(path.join(dir, `${objects++}.ndjson.gz`), (await Body?.transformToByteArray()) ?? "")
    }
    token = page.NextContinuationToken
    more = token !== undefined
  }
  const database = await DuckDb.open()
  try {
    const source = fileURLToPath(new URL("../data/earthquakes.json", import.meta.resolve("vega-datasets")))
    await database.run(`
      CREATE TABLE archived AS SELECT id, time, magnitude, place FROM read_json(${literal(path.join(dir, "*.ndjson.gz"))},
        format = 'newline_delimited', columns = { id: 'VARCHAR', time: 'BIGINT', magnitude: 'DOUBLE', place: 'VARCHAR' });
      CREATE TABLE sent AS SELECT f.id AS id, f.properties.time AS time, f.properties.mag::DOUBLE AS magnitude, f.properties.place AS place
        FROM (SELECT unnest(features) AS f FROM read_json(${literal(source)}, maximum_object_size = 100000000))`)
    const count = async (what: string): Promise<number> => (await database.row<{ n: number }>(`SELECT count(*)::DOUBLE AS n FROM ${what}`)).n
    return {
      objects,
      lines: await count("archived"),
      missing: await count("(SELECT * FROM sent EXCEPT SELECT * FROM archived)"),
      invented: await count("(SELECT * FROM archived EXCEPT SELECT * FROM sent)"),
      byMagnitude: await database.rows(`SELECT floor(magnitude) AS magnitude, count(DISTINCT id)::DOUBLE AS quakes FROM archived GROUP BY 1 ORDER BY 1 DESC`),
    }
  } finally {
    database.close()
  }
}
