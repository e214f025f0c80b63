export { DuckDb, literal } from "./duckdb.ts"
