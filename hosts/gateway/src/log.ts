/**
 * Where the gateway says what happened: facts first, then the sentence. No body, query, header or key is ever among
 * them.
 */
export interface Log {
  info(facts: object, sentence: string): void
  warn(facts: object, sentence: string): void
  error(facts: object, sentence: string): void
}
