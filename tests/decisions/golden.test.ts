/** The golden cases, decided. */
import { describe, expect, test } from 'vitest'
import { decide } from '../../rbac/decide.ts'
import { differences } from '../../rbac/policy-test.ts'
import { goldenFiles } from './golden-cases.ts'
import { loadPolicy } from './policies.ts'

for (const file of goldenFiles()) {
  describe(file.name, async () => {
    const policy = await loadPolicy(file.policy ?? '')
    test.each(file.cases.map(golden => ({ ...golden, title: golden.name })))('$title', golden => {
      const errors: unknown[] = []
      const decision = decide(golden.request, golden.identity, policy, golden.context, error => errors.push(error))
      expect(differences(golden.want, decision), `${file.name}:${golden.line}`).toEqual([])
      expect(errors).toEqual([])
    })
  })
}
