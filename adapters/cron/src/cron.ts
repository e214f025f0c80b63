/** Cron expressions: when they are due next, in a time zone of their own. */
import { type CronPlan, MillraceError } from "@millrace/model"
import { Cron } from "croner"

/** By time zone and expression: parsing takes longer than asking. */
const known = new Map<string, Cron>()

/** The next time after `afterMs`; undefined: never. */
export function nextCron(expression: string, timeZone: string, afterMs: number): number | undefined {
  return cronOf(expression, timeZone).nextRun(new Date(afterMs))?.getTime()
}

/** @throws MR1101 for an expression that cannot be read or is never due, and for a time zone that there is none of */
export function checkCron({ expression, timeZone }: CronPlan, where: string): void {
  try {
    Intl.DateTimeFormat("en", { timeZone })
  } catch (cause) {
    const message = `${where}, cron: there is no time zone ${JSON.stringify(timeZone)}; write a name of IANA's, such as "Europe/Berlin".`
    throw new MillraceError("MR1101", message, { given: timeZone }, cause)
  }
  let next: number | undefined
  try {
    next = nextCron(expression, timeZone, 0)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError("MR1101", `${where}, cron: ${JSON.stringify(expression)} cannot be read (${why}); write it as "0 7 * * 1-5".`, { given: expression }, cause)
  }
  if (next === undefined) throw new MillraceError("MR1101", `${where}, cron: ${JSON.stringify(expression)} is never due.`, { given: expression })
}

function cronOf(expression: string, timeZone: string): Cron {
  const name = `${timeZone} ${expression}`
  let cron = known.get(name)
  if (cron === undefined) {
    cron = new Cron(expression, { timezone: timeZone, paused: true })
    known.set(name, cron)
  }
  return cron
}
