/**
 * Flights in the order in which they really left: by scheduled time plus delay, ties as in the file. Three million rows
 * are held column by column, a few bytes each, and become JSON only when a batch of them is sent.
 */

/** A part of the file, column by column; `date` in milliseconds. */
export interface FlightColumns {
  readonly rowCount: number
  readonly columns: ReadonlyMap<string, ArrayLike<unknown>>
}

const minuteMs = 60_000

export class Departures {
  /** Rows by place: `#rows[0]` left first. */
  readonly #rows: Uint32Array
  readonly #minutes: Int32Array
  readonly #delays: Int16Array
  readonly #distances: Int16Array
  readonly #origins: Uint16Array
  readonly #destinations: Uint16Array
  readonly #airports: readonly string[]
  readonly #isoTexts = new Map<number, string>()

  private constructor(columns: Columns, rows: Uint32Array) {
    this.#rows = rows
    this.#minutes = columns.minutes
    this.#delays = columns.delays
    this.#distances = columns.distances
    this.#origins = columns.origins
    this.#destinations = columns.destinations
    this.#airports = columns.airports.names
  }

  /**
   * Reads the file's parts in their order and sorts their rows.
   *
   * @param limit - keep only so many of the first departures; default all
   */
  static async read(parts: AsyncIterable<FlightColumns>, limit: number = Infinity): Promise<Departures> {
    const columns = new Columns()
    for await (const part of parts) columns.add(part)
    const order = columns.order()
    return new Departures(columns, order.subarray(0, Math.min(limit, order.length)))
  }

  get length(): number {
    return this.#rows.length
  }

  /** Airports that flights may leave from. */
  get airports(): readonly string[] {
    return this.#airports
  }

  /** The index in {@link airports} of where the flight at a place left from. */
  originAt(place: number): number {
    return this.#origins[this.#rows[place] as number] as number
  }

  /** The flight at a place as a line of NDJSON. */
  lineAt(place: number): string {
    const row = this.#rows[place] as number
    const date = this.#isoText(this.#minutes[row] as number)
    const origin = this.#airports[this.#origins[row] as number] as string
    const destination = this.#airports[this.#destinations[row] as number] as string
    return (
      `{"date":"${date}","delay":${this.#delays[row]},"distance":${this.#distances[row]},` +
      `"origin":${JSON.stringify(origin)},"destination":${JSON.stringify(destination)}}\n`
    )
  }

  #isoText(minute: number): string {
    const known = this.#isoTexts.get(minute)
    if (known !== undefined) return known
    const text = new Date(minute * minuteMs).toISOString()
    this.#isoTexts.set(minute, text)
    return text
  }
}

/** Growing columns. */
class Columns {
  readonly airports: Names = new Names()
  minutes: Int32Array = new Int32Array(0)
  delays: Int16Array = new Int16Array(0)
  distances: Int16Array = new Int16Array(0)
  origins: Uint16Array = new Uint16Array(0)
  destinations: Uint16Array = new Uint16Array(0)
  #length = 0

  add({ rowCount, columns }: FlightColumns): void {
    const dates = columns.get("date") as ArrayLike<number>
    const delays = columns.get("delay") as ArrayLike<number>
    const distances = columns.get("distance") as ArrayLike<number>
    const origins = columns.get("origin") as ArrayLike<string>
    const destinations = columns.get("destination") as ArrayLike<string>
    this.#grow(rowCount)
    for (let from = 0; from < rowCount; from++) {
      const at = this.#length + from
      const minute = (dates[from] as number) / minuteMs
      if (!Number.isInteger(minute))
        throw new Error(`row ${at} is scheduled at ${dates[from]} ms, which is no whole minute`)
      this.minutes[at] = minute
      this.delays[at] = delays[from] as number
      this.distances[at] = distances[from] as number
      this.origins[at] = this.airports.indexOf(origins[from] as string)
      this.destinations[at] = this.airports.indexOf(destinations[from] as string)
    }
    this.#length += rowCount
  }

  /** Row numbers by departure. One number holds departure and row, so a plain sort keeps ties in file order. */
  order(): Uint32Array {
    const { length } = this
    let first = Infinity
    for (let row = 0; row < length; row++) first = Math.min(first, this.#departure(row))
    const places = new Float64Array(length)
    for (let row = 0; row < length; row++) places[row] = (this.#departure(row) - first) * length + row
    places.sort()
    return Uint32Array.from(places, (place) => place % length)
  }

  get length(): number {
    return this.#length
  }

  #departure(row: number): number {
    return (this.minutes[row] as number) + (this.delays[row] as number)
  }

  #grow(more: number): void {
    const wanted = this.#length + more
    if (wanted <= this.minutes.length) return
    const capacity = Math.max(wanted, this.minutes.length * 2)
    this.minutes = widened(this.minutes, new Int32Array(capacity))
    this.delays = widened(this.delays, new Int16Array(capacity))
    this.distances = widened(this.distances, new Int16Array(capacity))
    this.origins = widened(this.origins, new Uint16Array(capacity))
    this.destinations = widened(this.destinations, new Uint16Array(capacity))
  }
}

/** Numbers texts in the order of their first appearance. */
class Names {
  readonly names: string[] = []
  readonly #indexes = new Map<string, number>()

  indexOf(name: string): number {
    const known = this.#indexes.get(name)
    if (known !== undefined) return known
    const index = this.names.push(name) - 1
    this.#indexes.set(name, index)
    return index
  }
}

function widened<Column extends Int32Array | Int16Array | Uint16Array>(column: Column, to: Column): Column {
  to.set(column)
  return to
}
