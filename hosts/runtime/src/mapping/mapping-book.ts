/**
 * What was said of mappings over the API of Lambda, in the node's state: mappings that no service defines, and whether one that a service
 * defines is paused. What was committed last is also here in memory.
 */
import type { StateReader } from "@millrace/engine"
import { type MappingPlan, StateChangesWriter, valueFrom } from "@millrace/model"

const scope = "@mapping-book"
const made = 0
const switches = 1

/** A mapping that was made over the API. */
export interface MadeMapping {
  readonly uuid: string
  readonly function: string
  readonly plan: MappingPlan
  /** When it was made, or changed last, in ms. */
  readonly at: number
  /** The ARN of the stream's consumer (enhanced fan-out) that it was made with; undefined: the stream itself. */
  readonly consumer?: string
}

/** Whether a service's mapping is enabled, against what the service says. */
export interface MappingSwitch {
  readonly enabled: boolean
  /** What the service said then: once it says otherwise, that counts. */
  readonly planned: boolean
  readonly at: number
}

export class MappingBook {
  readonly #state: StateReader
  readonly #changes = new StateChangesWriter()
  #made: Map<string, MadeMapping> | undefined
  #switches: Map<string, MappingSwitch> | undefined

  constructor(state: StateReader) {
    this.#state = state
  }

  /** By UUID. */
  get made(): ReadonlyMap<string, MadeMapping> {
    return this.#allMade()
  }

  /** Of the mapping of this id; undefined: what its service says counts. */
  switchOf(id: string, planned: boolean): MappingSwitch | undefined {
    const found = this.#allSwitches().get(id)
    return found?.planned === planned ? found : undefined
  }

  /** What was committed and is not durable never happened. */
  forget(): void {
    this.#made = undefined
    this.#switches = undefined
  }

  /** The state changes that keep a mapping as it is now; it counts from now on. */
  keep(mapping: MadeMapping): Uint8Array {
    this.#allMade().set(mapping.uuid, mapping)
    return this.#put(made, mapping.uuid, mapping)
  }

  remove(uuid: string): Uint8Array {
    this.#allMade().delete(uuid)
    this.#changes.beginBucket(scope, 0, made, false)
    this.#changes.remove(uuid)
    this.#changes.endBucket()
    return this.#changes.take()
  }

  switch(id: string, to: MappingSwitch): Uint8Array {
    this.#allSwitches().set(id, to)
    return this.#put(switches, id, to)
  }

  #allMade(): Map<string, MadeMapping> {
    this.#made ??= this.#all<MadeMapping>(made)
    return this.#made
  }

  #allSwitches(): Map<string, MappingSwitch> {
    this.#switches ??= this.#all<MappingSwitch>(switches)
    return this.#switches
  }

  #all<Value>(bucket: number): Map<string, Value> {
    const all = new Map<string, Value>()
    for (const [key, bytes] of this.#state.entries(scope, 0, bucket)) all.set(key, valueFrom(bytes) as Value)
    return all
  }

  #put(bucket: number, key: string, value: unknown): Uint8Array {
    const changes = this.#changes
    changes.beginBucket(scope, 0, bucket, false)
    changes.value(key, value)
    changes.endBucket()
    return changes.take()
  }
}
