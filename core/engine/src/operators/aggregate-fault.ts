/** What an aggregate could not take, said with the place: an aggregate knows neither its field nor its operator. */
import { isMillraceError, MillraceError } from "@millrace/model"

/** Only Millrace's own errors are told anew; what user code threw stays as it is, with its stack. */
export function aggregateFault(thrown: unknown, operator: string, field: string | undefined): unknown {
  if (!isMillraceError(thrown)) return thrown
  return new MillraceError(thrown.code, `operator "${operator}", ${field}: ${thrown.message}`, thrown.details, thrown)
}
