// What every JavaScript host has to call something off and the ES2023 library does not declare. Hosts have it in full.
interface AbortSignal {
  readonly aborted: boolean
}
