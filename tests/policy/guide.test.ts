/** The policy guide is what it says: every recipe is read from the page, compiled, and its cases are run. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decide } from '../../rbac/decide.ts'
import { differences, parsePolicyTests } from '../../rbac/testing/policy-test.ts'
import { policyOf } from '../decisions/policies.ts'

const page = readFileSync(new URL('../../docs/policy-guide.md', import.meta.url), 'utf8')
const recipes = page.split(/^## /m).slice(1)

const block = (recipe: string, info: string): string | undefined =>
  recipe.match(new RegExp(`^\`\`\`${info}\\n([\\s\\S]*?)^\`\`\`$`, 'm'))?.[1]

test('the guide has at least twelve recipes', () => expect(recipes.length).toBeGreaterThanOrEqual(12))

describe.each(recipes.map(recipe => ({ title: recipe.split('\n', 1)[0] ?? '', recipe })))('$title', ({ recipe }) => {
  const rows = block(recipe, 'csv') ?? ''
  const { cases } = parsePolicyTests(
    { name: 'docs/policy-guide.md', text: block(recipe, 'yaml test') ?? '' },
    { now: Date.UTC(2026, 0, 1, 12) / 1000 },
  )

  test('shows who gets in and who does not', () => {
    const effects = new Set(cases.map(({ want }) => want.effect))
    expect(effects).toContain('allow')
    expect(effects.size).toBeGreaterThan(1)
    expect(recipe.match(/^```(?:csv|yaml)/gm)?.length).toBeLessThanOrEqual(3)
  })

  test.each(cases)('$name', async ({ request, identity, context, want }) => {
    const policy = await policyOf(rows, block(recipe, 'yaml conditions'))
    expect(differences(want, decide({ request, identity, context }, policy))).toEqual([])
  })
})
