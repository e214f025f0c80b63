/** The adapters of the delivery thread: the only place that names them. */
import type { ObjectPlace } from "@millrace/engine"
import { openDirectory } from "@millrace/files"

export { fileEncoder, sinkFiles } from "@millrace/files"

/**
 * The place of a sink's files: a directory, or a bucket when `to` is `s3://bucket/prefix`.
 *
 * @param to - undefined: the node's own output directory
 */
export async function openPlace(to: string | undefined, outDir: string): Promise<ObjectPlace> {
  if (to?.startsWith("s3://") !== true) return openDirectory(to ?? outDir)
  const { openBucket } = await import("@millrace/s3")
  return openBucket(to)
}
