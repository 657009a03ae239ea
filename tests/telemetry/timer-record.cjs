// Loaded into a service before its own code: tells on the error stream of each timer that the service makes, by its
// milliseconds, and of each second that its watch of the clock has seen.
const perfHooks = require('node:perf_hooks')

const tell = (kind, ms) => process.stderr.write(`timer ${kind} ${ms}\n`)
for (const kind of ['setInterval', 'setTimeout']) {
  const make = globalThis[kind]
  const recorded = (callback, ms = 1, ...args) => {
    tell(kind, ms)
    const isSecond = kind === 'setInterval' && ms === 1000
    return make(
      (...given) => {
        if (isSecond) tell('second', ms)
        callback(...given)
      },
      ms,
      ...args,
    )
  }
  globalThis[kind] = Object.assign(recorded, make)
}
const { monitorEventLoopDelay } = perfHooks
perfHooks.monitorEventLoopDelay = options => {
  tell('monitor', options?.resolution ?? 10)
  return monitorEventLoopDelay(options)
}
