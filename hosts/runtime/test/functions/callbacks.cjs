// Handlers of CommonJS with callbacks, as they were written for years.
exports.answers = (event, context, callback) => {
  setTimeout(() => callback(null, { got: event }), 5)
}

exports.fails = (event, context, callback) => callback(new TypeError("no such order"))

exports.failsWithText = (event, context, callback) => callback("no such order")

const order = []
exports.waits = (event, context, callback) => {
  order.length = 0
  setTimeout(() => order.push("timer"), 20)
  callback(null, order)
}

exports.hurries = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false
  setInterval(() => undefined, 1000)
  callback(null, "at once")
}

exports.returns = () => "not a promise"

exports.succeeds = (event, context) => context.succeed({ done: true })

exports.throws = () => {
  throw new RangeError("thrown at once")
}

exports.promises = (event) => Promise.resolve({ got: event })

exports.later = (event, context, callback) => {
  callback(null, "first")
  callback(null, "second")
}
