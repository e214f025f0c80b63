export { type Bench, type Figure, reportOf, type Report } from "./figures.ts"
