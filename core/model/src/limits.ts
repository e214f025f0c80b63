/**
 * Every bound of Millrace has its name here. Bounds that depend on each other are asserted below, so that a change
 * that breaks their proof fails when the module loads.
 */
export const limits = {
  /** Longest stream, service or operator name, in characters. */
  nameLengthMax: 128,
  /** Longest record key, in UTF-16 units (Kinesis: 256 characters). At most 3 bytes each in UTF-8. */
  keyLengthMax: 256,
  /** Most partitions of a stream: a partition number takes two bytes in a block. */
  partitionsMax: 1024,
  /** Most streams of bytes that a node keeps: those that the Kinesis API makes. */
  byteStreamsMax: 1_000,
  /** Most partitions that write one stream, over all stages: the number of an upstream takes two bytes in a block. */
  upstreamsMax: 65_536,
  /** Largest value of one record, in bytes. */
  recordBytesMax: 1_048_576,
  /** How deep JSON may be nested: records, inputs and outputs of tasks, what runs tell, events and answers of functions. */
  jsonDepthMax: 1_000,
  /** Largest headers of one record (the attributes of a CloudEvent), in bytes: their length takes two bytes in a block. */
  recordHeadersBytesMax: 16_384,
  /** Largest body of one request, in bytes. */
  requestBytesMax: 16_777_216,
  /** Most bytes of request bodies that may be half received at once before front doors answer 429. */
  bodiesBytesMax: 134_217_728,
  /** Most bytes of a refused body that are read and thrown away, so that its sender gets to read the answer. */
  refusedBytesMax: 268_435_456,
  /** Longest time that the rest of a refused body is waited for, in milliseconds. */
  refusedMsMax: 2_000,
  /** Most bytes of answers that may wait for their readers: beyond it what has waited for longest is cut off. From half of it on, no large ones are made. */
  answersUnreadBytesMax: 268_435_456,
  /** Longest time that a large answer waits for its reader, in milliseconds, and how long it does at least while others need the room. */
  answerMsMax: 120_000,
  answerMsMin: 5_000,
  /** Answers of records over the Kinesis API, of up to 10 MiB each, that are made at once; the others wait their turn. */
  kinesisReadsMax: 8,
  /** Longest time for the headers of a request to arrive, in milliseconds. */
  headersMsMax: 10_000,
  /** Largest headers of one request, in bytes. */
  headersBytesMax: 16_384,
  /** Longest time for a whole request to arrive, in milliseconds. */
  requestMsMax: 120_000,
  /** Longest time that a connection may lie idle between two requests, in milliseconds. */
  connectionIdleMsMax: 60_000,
  /** Most connections to the front door at once. */
  connectionsMax: 4_096,
  /** Most requests at once on one connection of HTTP/2. */
  http2StreamsMax: 256,
  /** Bytes that one request of HTTP/2 may send before they are taken; twice as many for all of a connection. */
  http2WindowBytes: 4_194_304,
  /** Memory of one connection of HTTP/2, in megabytes. */
  http2SessionMegabytesMax: 32,
  /** Longest time that a closing front door waits for the requests in hand, in milliseconds. */
  closeMsMax: 5_000,
  /** Most records of one request. */
  requestRecordsMax: 50_000,
  /** From so many characters of JSON on, further inputs of a list for a task are enqueued as another part of it. */
  inputsPartLengthMax: 4_194_304,
  /** Most faults listed in one answer; the rest are counted. */
  rejectionsListedMax: 1_000,
  /** Most bytes of request bodies that may wait for a worker before front doors answer 429. */
  ingestQueueBytesMax: 67_108_864,
  /** Most bytes of input that one stage and partition may have in its worker, unprocessed. */
  stageInFlightBytesMax: 4_194_304,
  /** Most bytes by which a stage and partition may lag behind its input before front doors answer 429. */
  stageLagBytesMax: 268_435_456,
  /** Most bytes that may wait for the disk before front doors answer 429. */
  journalQueueBytesMax: 67_108_864,
  /** A journal segment is closed once it has grown past this many bytes. */
  segmentBytes: 67_108_864,
  /** Bytes up to which the journal writes at once: that takes less than the way to another thread and back. */
  writeInlineBytesMax: 65_536,
  /** Bytes up to which an input that no code of its task looks at is taken where it arrives: that takes less than the way to a worker and back. */
  intakeInlineBytesMax: 4_096,
  /** Such inputs that are appended together: the queue begins on them while those behind them are being taken. */
  plainInputsTogetherMax: 8,
  /** Longest time that a written commit may wait for its sync where that is buffered, in milliseconds. */
  bufferedMsMax: 10,
  /** Largest frame of the journal, in bytes: a length above it is damage, not data. */
  frameBytesMax: 268_435_456,
  /** Bytes of results and state changes after which a stage ends its transaction and goes on in another. */
  transactionBytes: 33_554_432,
  /** Most bytes of results of one transaction: what one record, or one firing of a timer, may add to {@link transactionBytes}. */
  transactionBytesMax: 100_663_296,
  /** Most bytes of the state of one key. */
  stateValueBytesMax: 33_554_432,
  /** Journal bytes after which the state is folded into the checkpoint. */
  checkpointBytes: 134_217_728,
  /** Journal bytes after which that is done already when a worker holds more state than it may, because the checkpoint lacks it. */
  checkpointBytesMin: 16_777_216,
  /** Most records that one apply() takes. */
  batchRecordsMax: 16_384,
  /**
   * Longest time that user code of a stream may hold a worker without finishing one record, in milliseconds; the default of `--handler-limit`.
   * All partitions of that worker wait as long. Much less would end workers that only fire many windows at once on a busy machine.
   */
  handlerMsMax: 5_000,
  /** Longest time that the code of a task without a time limit of its own may block its thread, in milliseconds. */
  taskBlockedMsMax: 10_000,
  /** Longest time that calls may still take in a thread that is to end because of another, in milliseconds. */
  retiredMsMax: 60_000,
  /**
   * How long the watermark of a stage stands still after a pause, for want of word from upstreams that may be about to end it, too, in
   * milliseconds; no longer than their `idle`.
   */
  wakeMs: 1_000,
  /** Longest time that importing the services may take, in milliseconds. */
  loadMsMax: 30_000,
  /** Keyed state that one worker holds in memory, in bytes by estimate; what is beyond is read from the store when it is needed. */
  stateMemoryBytesMax: 402_653_184,
  /** Of that, what the runs of all tasks may take. */
  taskMemoryBytesMax: 33_554_432,
  /** Bytes of a stored bucket that are read at once, though the state's memory is used up. */
  bucketLoadBytesMin: 1_048_576,
  /** Heap of one worker, in megabytes; see `engineHeapMegabytesMax`. */
  workerHeapMegabytesMax: 1_500,
  /** Of that, the part for what is young, in megabytes: V8 would take more under load, and keep it. */
  youngHeapMegabytesMax: 48,
  /** How often it is looked at what the heap of a thread takes that runs user code, in milliseconds. */
  heapLookMs: 100,
  /** A thread that has been at work for less than this since its heap was last looked at is let sleep, in ms. */
  heapLookActiveMsMin: 5,
  /** A thread over its limit is not asked to collect its garbage again sooner, in milliseconds. */
  heapCollectMsMin: 1_000,
  /** What V8 may give a thread beyond its limit, in megabytes: room in which to notice it. Past V8's own limit the process ends. */
  heapHeadroomMegabytesMax: 1_024,
  /** At least that, where V8's own limit would else be 2,048 MB or more. */
  heapHeadroomMegabytesMin: 500,
  /** Below 2,048 on purpose: from there on V8 lets the heap grow to four times what is in use before it looks for garbage, else to twice. */
  engineHeapMegabytesMax: 2_000,
  /** What a thread's heap may take more than it needs while the thread rests, in bytes. */
  garbageBytesMax: 33_554_432,
  /** How often a thread is asked whether it rests, in milliseconds. */
  restLookMs: 3_000,
  /** Most records of one partition that wait for an asynchronous call: their places are in memory. */
  callsWaitingMax: 100_000,
  /** Most keys that the cache of a lookup may hold. */
  lookupCacheMax: 1_000_000,
  /** Most keys that a lookup may ask for at once. */
  lookupBatchMax: 10_000,
  /** Most matches of one key that have begun and are not complete. */
  partialMatchesMax: 1_000,
  /** Most complete matches of one key that wait for one that began before them. */
  completeMatchesMax: 50_000,
  /** Of these, how many are stored with the key: with so many they go to a row of their own. */
  patternCompleteTailMax: 64,
  /** Records that wait for their time are encoded into one array until it has so many bytes. */
  recordPageBytes: 1_024,
  /** Encoded bytes of the records that a pattern keeps decoded for its conditions. */
  patternDecodedBytesMax: 4_194_304,
  /** Newest records of a key's matches in the making that are stored with the key: with so many they go to a row of their own. */
  patternTailRecordsMax: 16,
  /** The same in bytes, about: a row is one record longer at most. */
  patternTailBytesMax: 4_096,
  /** Most records that a `topN` keeps of one key. */
  topRecordsMax: 1_000,
  /** Ended attempts that are kept of a run. */
  attemptsKeptMax: 20,
  /** Lines that are kept of what an attempt logs. */
  attemptLinesMax: 100,
  /** Longest line that is kept of it, in characters. */
  attemptLineLengthMax: 1_000,
  /** Bytes of the newest lines that a thread's attempts have told, kept where the node finds them when the thread is blocked or has died. */
  attemptRingBytes: 262_144,
  /** How long whoever looks at a run waits for the lines of its attempt under way, in ms: its thread may be busy. */
  attemptLinesWaitMsMax: 250,
  /**
   * Longest time that a setting, a call or a failure may put something off, in milliseconds: 11,574 days, about 31 years. Sums of times stay
   * far below where they lose milliseconds, and below the last time that a date can say.
   */
  delayMsMax: 1_000_000_000_000,
  /** Longest wait that the receiver of a webhook may ask for with `Retry-After`, in milliseconds: a day. */
  webhookRetryAfterMsMax: 86_400_000,
  /** Most calls of one task at once, and runs of one call. */
  callsMax: 10_000,
  /** Calls of one task that have a thread to themselves at once, since a thread died with them; others wait for their turn. */
  callsAloneMax: 4,
  /** How often a thread with calls in hand is asked whether it answers, in milliseconds. */
  attemptLookMs: 250,
  /** Time that a call that was aborted has to end, before its thread is given up if that does not answer, in milliseconds. */
  attemptGraceMs: 1_000,
  /** How deep tasks may call tasks: a run that a call began, one that this began, and so on. */
  callDepthMax: 50,
  /** Most of what one run has told (`ctx.progress`, `ctx.stream`) that is kept for those who follow it later, in bytes. */
  toldRunBytesMax: 4_194_304,
  /** The same of all runs of a node. */
  toldBytesMax: 67_108_864,
  /** Longest time that a command for many runs is waited for, to tell how many they are, in milliseconds; it goes on behind that. */
  bulkWaitMsMax: 10_000,
  /** Longest time that a search for runs goes on until it has found one, in milliseconds; whoever asks goes on from there. */
  searchWaitMsMax: 2_000,
  /** Longest W3C `tracestate` that is carried, in characters. */
  traceStateLengthMax: 512,
  /** Most members of a W3C `tracestate`: one with more is not carried. */
  traceStateMembersMax: 32,
  /** Longest time that a request may wait for the end of a run, in milliseconds. */
  waitMsMax: 600_000,
  /** Longest time of one invocation of a function, in milliseconds. */
  functionMsMax: 900_000,
  /** Shortest timeout of a function, in milliseconds. */
  functionMsMin: 1_000,
  /** Longest time of an invocation that answers a request of HTTP, in milliseconds. */
  functionHttpMsMax: 30_000,
  /** Largest body of a request that a function answers, in bytes: as API Gateway has it. */
  functionHttpBodyBytesMax: 10_485_760,
  /** Longest time that a function's module may take to load, in milliseconds: as Lambda has it. */
  functionInitMsMax: 10_000,
  /** Heap of one instance of a function, at least and at most, in megabytes. */
  functionMegabytesMin: 128,
  functionMegabytesMax: 10_240,
  /** Most characters of names and values of a function's own environment variables. */
  functionEnvLengthMax: 4_096,
  /** Most instances of functions on a node: a small one takes about 20 MB. */
  functionInstancesMax: 64,
  /** Most instances that a function may be given as its bound. */
  functionConcurrencyMax: 1_000,
  /** Most invocations that wait for an instance while the node has no room for one more. */
  functionCallsWaitingMax: 1_000,
  /** Most characters of their events. */
  functionCallsWaitingLengthMax: 134_217_728,
  /** Longest time that an invocation waits so before it is throttled, in milliseconds. */
  functionWaitMsMax: 10_000,
  /** Largest event of a function, in bytes. */
  functionPayloadBytesMax: 6_291_456,
  /** Largest event that nobody waits for the end of, in bytes. */
  functionQueuedBytesMax: 1_048_576,
  /** Most of such events that wait for their function, and most bytes of them: they are in memory besides. */
  functionEventsMax: 10_000,
  functionEventsBytesMax: 134_217_728,
  /** How long such an event may wait for its function, at least and at most, in milliseconds: as Lambda has it. */
  functionEventAgeMsMin: 60_000,
  functionEventAgeMsMax: 21_600_000,
  /** Most invocations of such an event after the first that failed. */
  functionEventRetriesMax: 2,
  /** Wait before such an event that failed is tried for the second time, in milliseconds; before the third it is twice that. */
  functionEventRetryMs: 60_000,
  /** Longest reason of a failure that is kept with such an event, in characters. */
  functionEventErrorLengthMax: 32_768,
  /** Largest message that a queue of SQS, and that a topic of SNS takes, in bytes: what is larger is not told there. */
  sqsMessageBytesMax: 1_048_576,
  snsMessageBytesMax: 262_144,
  /** Largest answer of a function, in bytes: as Lambda has it, a little more than the largest event. */
  functionAnswerBytesMax: 6_291_556,
  /** An instance that was not invoked for so long is ended, in milliseconds. */
  functionIdleMs: 60_000,
  /** Most characters of what one invocation logs that go to the node's log; the rest is counted. */
  functionLogLengthMax: 262_144,
  /** Time that running attempts of tasks get to end when a node stops, or other services are deployed, in milliseconds. */
  drainMs: 10_000,
  /** An attempt that is then aborted may still take this long to hear of it, in milliseconds. */
  drainGraceMs: 500,
  /** Runs that one command may begin again in one step. */
  runsPerStepMax: 1_000,
  /** Runs that are looked at for one page of a search. */
  runsSearchedMax: 10_000,
  /** Most runs of one page. */
  pageRunsMax: 1_000,
  /** Most runs of one cron that are made up for at once. */
  cronRunsMax: 1_000,
  /** A cron's time that is noticed later than this was missed, in milliseconds. */
  cronLateMsMax: 60_000,
  /** How long a commit that nobody waits for may wait for others, in ms, where each group of commits is synced before it counts. */
  patientCommitMsMax: 5,
  /** Largest input or output of a task that is kept with its run, in bytes; larger ones lie in the object store. */
  taskValueBytesMax: 1_048_576,
  /** Longest input that is written with its run each time that this changes, in characters; a longer one is written once, beside it. */
  runInputLengthMax: 1_024,
  /** Largest input or output of a task, in bytes of JSON. */
  storedValueBytesMax: 16_777_216,
  /** Age from which an object of a large value is removed that no run has, in milliseconds: what was put just now is about to be committed. */
  valueOrphanMsMin: 86_400_000,
  /** How often those are looked for, in milliseconds. */
  valueSweepMs: 3_600_000,
  /** How many of them a task is asked about at once. */
  valueSweepNamesMax: 1_000,
  /** Largest event of one invocation of a function, in bytes (Lambda: 6 MB). */
  functionEventBytesMax: 6_291_456,
  /** Longest wait before a mapping tries again what was throttled, in milliseconds. */
  mappingThrottleMsMax: 5_000,
  /** Records of one lane of a mapping that may be known ahead of its batch; twice the batch size where that is more. */
  mappingReadAheadRecordsMax: 512,
  /** Most bytes of events that all mappings of a node may hold at once. */
  mappingEventBytesMax: 134_217_728,
  /** Wait before a mapping invokes its function again after a failure, in milliseconds; it doubles each time. */
  mappingRetryMsMin: 1_000,
  /** Longest wait between two invocations for one batch, in milliseconds. */
  mappingRetryMsMax: 60_000,
  /** Largest state that a tumbling window of a mapping carries from batch to batch, in bytes of JSON (Lambda: 1 MB). */
  mappingStateBytesMax: 1_048_576,
  /** After a tumbling window has ended by the clock its records may still come for so long, in milliseconds. */
  mappingWindowGraceMs: 1_000,
  /** A mapping that only passes over records keeps its position no more often than this, in milliseconds. */
  mappingCheckpointMs: 5_000,
  /** Longest time that a stopping mapping waits for its invocations, in milliseconds. */
  mappingDrainMsMax: 5_000,
  /** Most filters of one mapping. */
  mappingFiltersMax: 5,
  /** Longest filter pattern, in characters. */
  mappingFilterLengthMax: 4_096,
  /** Attempts at a record whose processing throws before it becomes a dead letter. */
  attemptsMax: 3,
  /** Workers that one record may bring down, by a hang or a death, before it becomes a dead letter. */
  workerDeathsMax: 2,
  /** Steps of what one entry, or the clock, makes due that are given up one by one; when more than these bring workers down, all of it is. */
  stepsBarredMax: 16,
  /** A worker that has had nothing to do for this long is ended; the next record starts it again. In milliseconds. */
  workerIdleMs: 60_000,
  /** Longest wait before a worker is started again that dies or fails to start again and again, in milliseconds. */
  workerRestMsMax: 30_000,
  /** The log tells of a partition's dead letters once in this time, in milliseconds. */
  deadLettersToldMs: 10_000,
  /** A partition whose state could not be read is tried again after this, in milliseconds. */
  stateRetryMs: 30_000,
  /** Wait before a file that could not be delivered is tried again, in milliseconds; it doubles with each attempt. */
  deliveryRetryMsMin: 500,
  /** Longest wait between two attempts at a file, in milliseconds. */
  deliveryRetryMsMax: 60_000,
  /** Idempotency keys remembered by a node, newest kept. */
  idempotencyKeysMax: 100_000,
  /** Longest idempotency key, in characters. */
  idempotencyKeyLengthMax: 256,
  /** Most records of one page of a stream. */
  pageRecordsMax: 10_000,
  /** Most bytes of one page of a stream. */
  pageBytesMax: 4_194_304,
  /**
   * Bytes that may wait for one slow reader of `live`, besides one record, before the gateway stops reading the stream
   * for it: the rest waits in the log, which keeps it anyway.
   */
  liveBufferBytesMax: 65_536,
  /** A reader of `live` that has not taken what waits for it after this long is cut off (it resumes by Last-Event-ID), in milliseconds. */
  liveStallMsMax: 30_000,
  /** Most readers of `live` at once. */
  liveReadersMax: 1_000,
  /** Most rows of one page of a table. */
  pageRowsMax: 10_000,
  /** Most keys whose changes wait for one slow reader of a table: beyond it, it has to read the table anew. */
  tableChangesMax: 100_000,
  /** Tables are read by a thread that is ended when it has not been asked for so long, in milliseconds. */
  tableThreadIdleMs: 30_000,
  /** Bytes of changes that are not in the checkpoint, kept in memory to read tables, before those that are in it by now are let go of. */
  stateViewBytes: 33_554_432,
  /** Most items that `collect` or `distinctCount` may hold for one key and window. */
  collectItemsMax: 100_000,
  /** Most windows that one record may belong to: ceil(size / every) of a hopping window. */
  windowsPerRecordMax: 1_000,
  /** Most records of a sliding window that is counted in records. */
  slidingRowsMax: 1_000,
  /** Blocks of time whose folds a sliding window operator remembers; it forgets them all when there are more. */
  slidingBlocksMax: 100_000,
  /** Calendar windows whose bounds an operator remembers; it forgets them all when there are more. */
  calendarWindowsKnownMax: 10_000,
  /** Largest size at which a file sink may roll, in bytes: a file is made in memory. */
  rollBytesMax: 1_073_741_824,
  /** Longest segment of a file's path, in bytes of UTF-8: what file systems take. */
  pathSegmentBytesMax: 255,
  /** Rows of one row group of a Parquet file. */
  rowGroupRowsMax: 100_000,
  /** Most rows that are encoded between two turns of the event loop (Parquet: a row group). */
  encodeSliceRowsMax: 16_384,
  /** Most rows of one batch that a reader of Parquet files hands out. */
  readBatchRowsMax: 16_384,
  /** Directories that a file place remembers as made durable; it forgets them all when there are more. */
  directoriesKnownMax: 10_000,
  /** Times that one file is written anew because its directory was taken away meanwhile. */
  fileAttemptsMax: 3,
  /** Objects above this many bytes go to S3 in parts. */
  multipartAboveBytes: 67_108_864,
  /** Bytes of one part, the last one excepted (S3 takes 5 MB to 5 GB, and at most 10,000 parts). */
  multipartPartBytes: 16_777_216,
  /** Parts of one object under way at once. */
  multipartPartsInFlightMax: 4,
  /** Longest time for opening a connection to S3, in milliseconds. */
  s3ConnectMsMax: 5_000,
  /** Longest silence of S3 while it owes an answer, in milliseconds. */
  s3SilenceMsMax: 30_000,
  /** Most bytes of blocks that the disk store keeps in memory after they were written, for readers close behind. */
  journalTailBytesMax: 16_777_216,
  /** Most segments that the disk store holds open for readers at once. */
  segmentsOpenMax: 32,
  /** Most bytes that one read of the journal asks the operating system for at once. */
  journalSpanBytesMax: 1_048_576,
  /** Most bytes of block places of closed segments that the disk store keeps in memory. */
  segmentIndexBytesMax: 8_388_608,
  /** Journal bytes up to which a fold runs where it is asked for instead of on a thread of its own. */
  foldInlineBytesMax: 1_048_576,
  /** Most bytes of changed values that a fold gathers before it commits them to the checkpoint. */
  foldBytesMax: 16_777_216,
  /** Shortest time between two attempts to write again to a disk that refused, in milliseconds. */
  diskProbeMsMin: 1_000,
} as const

function assertOrdered(smaller: number, larger: number, why: string): void {
  if (smaller > larger) throw new Error(`limits.ts: ${why}`)
}

assertOrdered(limits.storedValueBytesMax, limits.requestBytesMax, "a request must be able to carry the largest input of a task")
assertOrdered(2 * limits.taskValueBytesMax, limits.toldRunBytesMax, "what a run tells last must be kept")
assertOrdered(limits.webhookRetryAfterMsMax, limits.delayMsMax, "what a receiver asks for is a delay")
assertOrdered(limits.toldRunBytesMax, limits.toldBytesMax, "what a run tells last must be kept")
assertOrdered(limits.taskValueBytesMax, limits.recordBytesMax, "the largest output that is kept with its run must fit a record")
assertOrdered(3 * limits.inputsPartLengthMax, limits.requestBytesMax, "a request must be able to carry a part of a list of inputs, whatever its characters")
assertOrdered(limits.recordBytesMax, limits.requestBytesMax, "a request must be able to carry the largest record")
assertOrdered(limits.recordHeadersBytesMax, 65_535, "the length of a record's headers takes two bytes in a block")
assertOrdered(2 * limits.stateMemoryBytesMax, limits.workerHeapMegabytesMax * 1_048_576, "the state is an estimate and not all that a worker holds")
assertOrdered(limits.workerHeapMegabytesMax + limits.heapHeadroomMegabytesMin, limits.engineHeapMegabytesMax, "V8 must leave room above the heap of a worker")
assertOrdered(limits.taskMemoryBytesMax, limits.stateMemoryBytesMax, "the runs of tasks are a part of the state")
assertOrdered(limits.checkpointBytesMin, limits.checkpointBytes, "a worker that is short of memory must not wait longer for the fold than others")
assertOrdered(limits.requestBytesMax, limits.ingestQueueBytesMax, "the queue must take the largest request")
assertOrdered(limits.requestBytesMax, limits.bodiesBytesMax, "one request of the largest size must fit among those in arrival")
assertOrdered(limits.headersMsMax, limits.requestMsMax, "headers are part of a request")
assertOrdered(2 * limits.liveReadersMax, limits.connectionsMax, "readers of `live` must leave connections for requests")
assertOrdered(2 * limits.requestBytesMax, limits.frameBytesMax, "the blocks of the largest request must fit a frame")
// A transaction ends after the step that takes it beyond `transactionBytes`: results up to `transactionBytesMax`, and state changes
// of that many bytes by the sizes of before. One step changes few keys; what they grow by is bounded by the largest value.
assertOrdered(limits.transactionBytesMax + limits.transactionBytes + 2 * limits.stateValueBytesMax, limits.frameBytesMax, "a transaction must fit a frame")
assertOrdered(limits.transactionBytes, limits.transactionBytesMax, "a transaction that has ended itself must be valid")
assertOrdered(limits.recordBytesMax, limits.stageInFlightBytesMax, "a stage must be able to take the largest record")
assertOrdered(limits.keyLengthMax * 3 + 512, 1978, "scope, bucket and key must fit an LMDB key of 1978 bytes")
