/** Every action with what carries it out. */
import { getRecords, getShardIterator } from "./actions/get-records.ts"
import { putRecord, putRecords } from "./actions/put-records.ts"
import { listShards } from "./actions/shards.ts"
import { createStream, deleteStream, describeLimits, describeStream, describeStreamSummary, listStreams } from "./actions/streams.ts"
import type { Api } from "./api.ts"
import type { Action } from "./inputs.ts"

/** Gets its input as the action's shape has it. Undefined is an answer without a body. */
type Act = (input: never, api: Api) => Promise<object | undefined>

export const actions: { readonly [Name in Action]?: Act } = {
  CreateStream: createStream,
  DeleteStream: deleteStream,
  DescribeLimits: describeLimits,
  DescribeStream: describeStream,
  DescribeStreamSummary: describeStreamSummary,
  GetRecords: getRecords,
  GetShardIterator: getShardIterator,
  ListShards: listShards,
  ListStreams: listStreams,
  PutRecord: putRecord,
  PutRecords: putRecords,
}
