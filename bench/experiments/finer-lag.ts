/**
 * Loaded into a service before its own code (`--import`): how late its event loop was is then read every ten milliseconds,
 * which is what a reload takes for its slices. An idle service would pay for that all day.
 */
import perfHooks from 'node:perf_hooks'

const resolution = 10
const { monitorEventLoopDelay } = perfHooks
perfHooks.monitorEventLoopDelay = () => monitorEventLoopDelay({ resolution })
