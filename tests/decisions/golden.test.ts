/** The golden cases: each file beside this one is a policy's test file, as operators write them. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decide } from '../../rbac/decide.ts'
import { differences, parsePolicyTests } from '../../rbac/policy-test.ts'
import { loadPolicy } from './policies.ts'

const directory = new URL('./', import.meta.url)

for (const name of readdirSync(directory).filter(file => file.endsWith('.yaml'))) {
  const file = parsePolicyTests(
    { name, text: readFileSync(new URL(name, directory), 'utf8') },
    { now: Date.UTC(2026, 0, 1, 12) / 1000 },
  )
  describe(name, async () => {
    const policy = await loadPolicy(file.policy ?? '')
    test.each(file.cases.map(golden => ({ ...golden, title: golden.name })))('$title', golden => {
      const errors: unknown[] = []
      const decision = decide(golden.request, golden.identity, policy, golden.context, error => errors.push(error))
      expect(differences(golden.want, decision), `${name}:${golden.line}`).toEqual([])
      expect(errors).toEqual([])
    })
  })
}
