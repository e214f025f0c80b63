// A handler that counts its calls.
let calls = 0

export const handler = async (): Promise<number> => ++calls
