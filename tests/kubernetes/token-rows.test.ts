/** Rows for a cluster that judges calls by itself: those that can never apply there are refused, or named. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { unusedTokenRows } from '../../rbac/kubernetes/token-question.ts'
import { compilePolicy } from '../../rbac/policy.ts'

const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
const policyOf = (row: string, directClusters: readonly string[]) =>
  compilePolicy({ model, files: [{ name: 'policy.csv', text: `${row}\n` }], directClusters })

const applies = [
  'p, group:ops, kube:lab, /-/sallyport.dev/tokens, create, -, allow',
  'p, group:ops, kube:lab, /-/sallyport.dev/*, create, -, allow',
  'p, group:ops, kube:lab, /**, *, -, allow',
  'p, group:old, kube:lab, /**, *, -, deny',
  'p, group:ops, kube:lab, /-/**, get|create, -, allow',
]
const never = [
  'p, group:ops, kube:lab, /payments/core/secrets/**, *, -, deny',
  'p, group:ops, kube:lab, /**, delete, -, deny',
  'p, group:ops, kube:lab, /**, get|list|watch, -, allow',
  'p, group:ops, kube:lab, /-/sallyport.dev/tokens/x, create, -, deny',
  'p, group:ops, kube:lab, /nonResourceURLs/**, *, -, allow',
]

describe('a row for a cluster that judges calls by itself', () => {
  it.each(applies)('speaks of its tokens: %s', async row => {
    const { rows } = await policyOf(row, ['lab'])
    expect(unusedTokenRows(rows, ['lab'])).toEqual([])
  })

  it.each(never)('would never apply, and is refused: %s', async row => {
    await expect(policyOf(row, ['lab'])).rejects.toThrow('never applies: this cluster judges calls by itself')
  })

  it.each(never)('is named where such rows are accepted: %s', async row => {
    const { rows } = await policyOf(row, [])
    expect(unusedTokenRows(rows, ['lab'])).toEqual(rows)
    expect(rows).toHaveLength(1)
  })

  it.each(never)('of another cluster is one as any: %s', async row => {
    const { rows } = await policyOf(row, ['other'])
    expect(unusedTokenRows(rows, ['other'])).toEqual([])
  })
})
