/** The machine: what a thread that runs user code loads. */
export { Again, decodeBlock } from "./batch.ts"
export { Intake } from "./ingest.ts"
export { StageMachine } from "./stage.ts"
export { StateMemory } from "./state/memory.ts"
export { TableReader } from "./table-reader.ts"
export { addLine, outcomesOf } from "./tasks/call.ts"
export { fitting } from "./tasks/input.ts"
export { TaskIntake } from "./tasks/intake.ts"
