export { checkCron, nextCron } from "./cron.ts"
