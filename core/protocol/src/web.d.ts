// What the protocol needs of the web platform's types and the ES2023 library does not declare. Hosts have it in full.
interface AbortSignal {
  readonly aborted: boolean
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: "abort", listener: () => void): void
}
