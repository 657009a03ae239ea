/**
 * Abuse cases B over the payload lists. The policy lets anyone read below /public and only administrators below /admin.
 *
 * A path may be refused (400) or judged in its canonical form, and nothing else; and whatever anyone is let through to
 * must lie below /public for every way in which an upstream may read the raw path.
 */
import { existsSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { decide } from '../../rbac/decide.ts'
import { anonymous } from '../../rbac/identity.ts'
import { matchablePath } from '../../rbac/matchable-path.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { canonicaliseUrl, MalformedRequestError } from '../../rbac/request/access-request.ts'
import { parseResource } from '../../rbac/resources.ts'
import { policyOf } from '../decisions/policies.ts'

const origin = 'https://app.example.com'
let policy: PolicySnapshot

beforeAll(async () => {
  policy = await policyOf(
    'p, anyone, app.example.com, /public/**, GET, -, allow\np, group:admins, app.example.com, /admin/**, *, -, allow',
  )
})

/** The canonical resource, or the refused part. */
function read(target: string): string {
  try {
    return canonicaliseUrl('GET', origin + target).resource
  } catch (error) {
    if (error instanceof MalformedRequestError) return error.part
    throw error
  }
}

const data = new URL(
  'web/',
  process.env.SALLYPORT_TEST_DATA
    ? `file://${process.env.SALLYPORT_TEST_DATA}/`
    : new URL('../../../shared/data/', import.meta.url),
)
const lists = ['path-traversal-directory_traversal.txt', 'path-traversal-deep.txt']
const isPresent = lists.every(list => existsSync(new URL(list, data)))
if (!isPresent) process.stdout.write(`payload lists skipped: none below ${data.pathname} (set SALLYPORT_TEST_DATA)\n`)

/** What upstreams of different manners make of a raw path: as it is, decoded and normalised, or read as a URL. */
function readings(target: string): string[] {
  const path = target.split('?')[0] ?? ''
  return [path, posix.normalize(path), posix.normalize(decodeURIComponent(path)), new URL(origin + target).pathname]
}

describe.skipIf(!isPresent)('payload lists', () => {
  const payloads = isPresent
    ? lists.flatMap(list => readFileSync(new URL(list, data), 'latin1').split(/\r?\n/)).filter(line => line !== '')
    : []
  const prefixes = ['/public/', '/public/x/', '/public', '/']
  const suffixed = payloads.flatMap(line => [
    line,
    line.replaceAll('{FILE}', 'admin'),
    `${line.replaceAll('{FILE}', '')}admin`,
  ])
  const all = [...new Set(suffixed.flatMap(line => prefixes.map(prefix => prefix + line)))]

  test('B01–B13 no line leads anyone out of /public', () => {
    const counts = { refused: 0, allowed: 0, challenged: 0 }
    for (const target of all) {
      const resource = read(target)
      if (!resource.startsWith('/')) {
        counts.refused += 1
        continue
      }
      const request = canonicaliseUrl('GET', origin + target)
      const { effect } = decide({ request, identity: anonymous, context: { now: 0 } }, policy)
      counts[effect === 'allow' ? 'allowed' : 'challenged'] += 1
      if (effect !== 'allow') continue
      expect(resource, target).toMatch(/^\/public(\/|$)/)
      for (const reading of readings(target)) expect(reading, target).toMatch(/^\/+public(\/|$)/)
    }
    expect(all.length).toBeGreaterThan(4000)
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(50)
  })

  test('B19 every accepted line is judged and returned in one form', () => {
    for (const target of all) {
      const resource = read(target)
      if (!resource.startsWith('/')) continue
      const request = canonicaliseUrl('GET', origin + target)
      expect(canonicaliseUrl('GET', origin + request.resource).resource, target).toBe(request.resource)
      expect(canonicaliseUrl('GET', request.url), target).toEqual(request)
      expect(parseResource(request.resource.replaceAll('*', '%2A')).fits(matchablePath(request.resource)), target).toBe(
        true,
      )
    }
  })
})
