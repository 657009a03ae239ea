/** The index may leave out only rows that cannot fit: every pattern against every path, among rows that force an index. */
import { expect, test } from 'vitest'
import { decide } from '../../rbac/decide.ts'
import { policyOf } from './policies.ts'

const others = Array.from({ length: 20 }, (_, at) => `p, anyone, a.example.com, /o${at}, GET, -, allow`)
const resources = ['/', '/**', '/a', '/abc', '/a/**', '/a/*', '/*/x', '/a/x*', '/%3A/**']
const expressions = [
  're:/a/?',
  're:/a/?.*',
  're:/a/x+',
  're:/b/.*|/ab',
  're:^/a/.*',
  're:(?i)/A/X',
  're:/a/{0,1}',
  're:.*',
]
const paths = ['/', '/a', '/a/', '/a/x', '/a/xx', '/abc', '/ab', '/b/x', '/b/c/d', '/:/q', `/a${'/b'.repeat(50)}`]

test.each([...resources, ...expressions])('%s is found for every path that it fits', async resource => {
  const own = `p, anyone, a.example.com, "${resource}", GET, -, allow`
  const policy = await policyOf([...others, own].join('\n'))
  const row = policy.rows.at(-1)
  for (const path of paths) {
    const request = { domain: 'a.example.com', resource: path, action: 'GET', url: '' }
    const { effect } = decide({ request, identity: { kind: 'anonymous' }, context: { now: 0 } }, policy)
    const isFit = row?.fitsResource(path.length > 1 ? path.replace(/\/$/, '') : path)
    expect({ path, effect }).toEqual({ path, effect: isFit ? 'allow' : 'challenge' })
  }
})
