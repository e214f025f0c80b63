export { openMessages } from "./open-messages.ts"
