/** Usage of the events of a test. */
import { readAuditEvent } from '../../rbac/reach/usage/audited-call.ts'
import { createUsageCollector, defaultLimits, type Usage, type UsageLimits } from '../../rbac/reach/usage/usage.ts'

export function collected(events: readonly unknown[], limits: Partial<UsageLimits> = {}): Usage {
  const collector = createUsageCollector(undefined, { ...defaultLimits, ...limits })
  for (const event of events) collector.add(readAuditEvent(event))
  return collector.usage()
}
