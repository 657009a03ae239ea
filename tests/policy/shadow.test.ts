/** Shadow rows are counted by what they would have done, from the revision that decided. */
import { expect, it } from 'vitest'
import { createShadowCounter } from '../../app/policy/shadow-counter.ts'
import { createMetrics } from '../../app/telemetry/metrics.ts'
import { decide } from '../../rbac/decide.ts'
import { policyOf } from '../decisions/policies.ts'

const request = { domain: 'wiki.example.com', resource: '/a', action: 'GET', url: '' }
const context = { now: 1, header: () => undefined }

it('would-allow and would-deny are counted apart, and the answer stays what it was', async () => {
  const metrics = createMetrics({ version: '0', providers: [], fronts: [], hasProcessMetrics: false })
  const count = createShadowCounter(metrics.shadowed)
  const policy = await policyOf(
    [
      'p, anyone, wiki.example.com, /**, read, -, allow',
      'p, anyone, wiki.example.com, /a, read, -, shadow-deny',
      'p, anyone, wiki.example.com, /a, GET, -, shadow-deny',
      'p, anyone, wiki.example.com, /**, GET, -, shadow-allow',
      'p, anyone, wiki.example.com, /b, GET, -, shadow-allow',
    ].join('\n'),
  )
  const decision = decide({ request, identity: { kind: 'anonymous' }, context }, policy)
  count(policy, decision)
  expect(decision).toMatchObject({ effect: 'allow', shadow: ['policy.csv:2', 'policy.csv:3', 'policy.csv:4'] })
  const page = await metrics.render()
  expect(page).toContain('sallyport_shadow_rows_total{effect="shadow-deny"} 2')
  expect(page).toContain('sallyport_shadow_rows_total{effect="shadow-allow"} 1')
})
