// dependency-cruiser reads only JavaScript; the rules are in tools/rings.ts.
export { configuration as default } from "./tools/rings.ts"
