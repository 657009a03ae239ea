/** What Prometheus reads of every process of Node: memory, processor, handles, garbage, and how late the event loop was. */
import { collectDefaultMetrics, type Registry } from 'prom-client'

/**
 * Milliseconds between two looks at how late the event loop is; what it reads is the time between two of them, so this is the
 * least. Ten, as the library has it, wakes an idle service a hundred times a second: nearly all that it used.
 */
const lookEveryMs = 100

export function collectProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: lookEveryMs })
}
