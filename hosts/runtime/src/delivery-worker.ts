/**
 * The delivery thread: gathers the rows of a file, splits them by the sink's partition columns, encodes and puts them. The
 * same rows always give the same bytes under the same names, so doing it again is harmless.
 */
import { parentPort, workerData } from "node:worker_threads"
import type { FilePlace, Row } from "@millrace/engine"
import { BlockCursor, ByteReader, MillraceError, entryKind, errorData, readValue } from "@millrace/model"
import { fileEncoder, openPlace, sinkFiles } from "./delivery-compose.ts"
import type { DeliveryData, FileOrder, FromDelivery, ToDelivery } from "./delivery-messages.ts"

const { outDir } = workerData as DeliveryData
const files = new Map<number, { readonly order: FileOrder; readonly rows: Row[] }>()
const places = new Map<string, Promise<FilePlace>>()

function send(message: FromDelivery): void {
  parentPort?.postMessage(message)
}

async function onMessage(message: ToDelivery): Promise<void> {
  const { id } = message
  try {
    switch (message.kind) {
      case "open":
        files.set(id, { order: message.order, rows: [] })
        return
      case "rows":
        takeRows(fileOf(id).rows, message.block, message.from, message.to)
        send({ kind: "taken", id })
        return
      case "close": {
        const { order, rows } = fileOf(id)
        await put(order, rows)
        files.delete(id)
        send({ kind: "delivered", id, rows: rows.length })
        return
      }
      case "abandon":
        files.delete(id)
    }
  } catch (error) {
    files.delete(id)
    send({ kind: "failed", id, error: errorData(error) })
  }
}

function fileOf(id: number): { readonly order: FileOrder; readonly rows: Row[] } {
  const file = files.get(id)
  if (file === undefined) throw new MillraceError("MR1501", "The file was given up before its rows were complete.")
  return file
}

function takeRows(rows: Row[], block: Uint8Array, from: number, to: number): void {
  const cursor = new BlockCursor(block)
  for (let i = 0; i < to && cursor.next(); i++) {
    if (i < from || cursor.kind !== entryKind.record) continue
    rows.push(readValue(new ByteReader(block, cursor.valueStart, cursor.valueEnd)) as Row)
  }
}

/** Files that are being put while the next one is encoded. */
const putsAtOnce = 8

async function put({ sink, partition, number }: FileOrder, rows: readonly Row[]): Promise<void> {
  const place = await placeOf(sink.to)
  const puts = new Set<Promise<void>>()
  const faults: unknown[] = []
  for (const file of sinkFiles(sink, partition, number, rows)) {
    const bytes = await fileEncoder.encode(sink.format, file.rows, sink.columns)
    if (puts.size >= putsAtOnce) await Promise.race(puts)
    if (faults.length > 0) break
    const done: Promise<void> = place
      .put(file.name, bytes)
      .catch((fault: unknown) => void faults.push(fault))
      .finally(() => puts.delete(done))
    puts.add(done)
  }
  await Promise.all(puts)
  if (faults.length > 0) throw faults[0]
}

function placeOf(to: string | undefined): Promise<FilePlace> {
  const name = to ?? ""
  let place = places.get(name)
  if (place === undefined) {
    place = openPlace(to, outDir)
    places.set(name, place)
    // A place that could not be opened is opened anew by the next file.
    place.catch(() => places.delete(name))
  }
  return place
}

parentPort?.on("message", (message: ToDelivery) => void onMessage(message))
