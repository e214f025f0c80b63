// Exports something, but no service.
export const answer = 42
