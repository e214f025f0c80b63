/** The adapters that hold large values of tasks: the only place that names them. */
import type { ObjectPlace } from "@millrace/engine"
import { openDirectory } from "@millrace/files"

/** @param at - a directory, or `s3://bucket/prefix` */
export async function openObjects(at: string): Promise<ObjectPlace> {
  if (!at.startsWith("s3://")) return openDirectory(at)
  const { openBucket } = await import("@millrace/s3")
  return openBucket(at)
}
