// The function that is measured: it does nothing, and tells when its module's first line ran.
const first = performance.timeOrigin + performance.now()

export const handler = async () => ({ first })
