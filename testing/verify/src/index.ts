export { DuckDb, literal } from "./duckdb.ts"
export { type Moto, startMoto } from "./moto.ts"
export { killPrograms, Program, programs } from "./program.ts"
export { seeded } from "./random.ts"
