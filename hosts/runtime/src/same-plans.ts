/** That workers which load the same modules are given the same services: a seat must not change its meaning with its worker. */
import { MillraceError, type Plan } from "@millrace/model"

/** @throws MR1103 when modules have given other plans than when they were first loaded */
export function assertSamePlans(first: readonly Plan[], again: readonly Plan[], files: readonly string[]): void {
  if (JSON.stringify(again) === JSON.stringify(first)) return
  const message = "The services' modules gave another plan than when they were first loaded: what they define must not depend on time, chance or surroundings."
  throw new MillraceError("MR1103", message, { files })
}
