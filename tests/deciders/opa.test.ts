/** The real Open Policy Agent, asked by the service as docs/policy.md says: a rule in Rego decides, row by row. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../peers.ts'
import { requireBuilt, startProgram } from '../products/product.ts'
import { deciderVersions } from '../products/versions.ts'
import { startService, type TestService } from '../service.ts'

const host = 'wiki.example.com'
const policy = `
p, authenticated, ${host}, /begin,      *, -,         allow
p, authenticated, ${host}, /changes/**, *, approved,  allow
p, authenticated, ${host}, /rules/**,   *, by-rule,   allow
p, authenticated, ${host}, /none/**,    *, undefined, allow
p, authenticated, ${host}, /open/**,    *, -,         allow
p, authenticated, ${host}, /open/**,    *, undefined, deny
`
const conditions = `
approved:  { ask: approved }
by-rule:   { ask: by-rule }
undefined: { ask: undefined }
`
/** `approved.allow` is undefined unless it is true; `rules` is a document of which `allow` is read. */
const rego = `package sallyport

import rego.v1

approved if {
	"ops" in input.subject.properties.groups
	input.action.name in {"GET", "POST"}
	startswith(input.resource.properties.path, "/changes/2026/")
	input.resource.properties.host == "${host}"
	endswith(input.subject.id, "#alice")
}

default rules := {"allow": false}

rules := {"allow": true, "why": "the office"} if net.cidr_contains("203.0.113.0/24", input.context.ip_address)
`
const folder = requireBuilt('opa', deciderVersions.opa, 'opa')

describe.skipIf(folder === undefined)('Open Policy Agent', () => {
  let service: TestService
  let opa: Awaited<ReturnType<typeof startProgram>>
  let directory: string
  let cookies: Record<'alice' | 'bob', string>
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'sallyport-opa-'))
    writeFileSync(join(directory, 'policy.rego'), rego)
    const address = `127.0.0.1:${await freePort()}`
    const args = ['run', '--server', '--addr', address, '--disable-telemetry', join(directory, 'policy.rego')]
    opa = await startProgram(join(folder ?? '', 'opa'), args, `http://${address}/health`)
    const data = `http://${address}/v1/data/sallyport`
    const deciders = [
      { name: 'approved', url: `${data}/approved` },
      { name: 'by-rule', url: `${data}/rules` },
      { name: 'undefined', url: `${data}/nothing` },
    ].map(one => ({ ...one, timeout: '10s', cacheFor: '1h' }))
    service = await startService({ policy, conditions, settings: { policy: { deciders } } })
    const begin = `https://${host}/begin`
    cookies = { alice: await service.logIn('alice', begin), bob: await service.logIn('bob', begin) }
  })
  afterAll(async () => {
    await service.close()
    await opa.stop()
    rmSync(directory, { recursive: true })
  })
  const status = async (person: 'alice' | 'bob', path: string, method = 'GET') =>
    (await service.ask('forward-auth', { method, url: `https://${host}${path}`, cookie: cookies[person] })).status

  it('decides by who asks, what and where; what its rule does not say is no yes', async () => {
    expect(await status('alice', '/changes/2026/1')).toBe(200)
    expect(await status('alice', '/changes/2026/1', 'POST')).toBe(200)
    expect(await status('alice', '/changes/2026/1', 'DELETE')).toBe(403)
    expect(await status('alice', '/changes/2025/1')).toBe(403)
    expect(await status('bob', '/changes/2026/1')).toBe(403)
  })

  it('answers with a document, of which allow counts', async () => {
    expect(await status('bob', '/rules/a')).toBe(200)
  })

  it('lets nobody in by a rule that there is not, and a deny by it denies (H44)', async () => {
    expect(await status('alice', '/none/a')).toBe(403)
    expect(await status('alice', '/open/a')).toBe(403)
  })

  it('that is gone lets nobody in, and what it said counts for its time alone (H44, H45)', async () => {
    expect(await status('alice', '/changes/2026/kept')).toBe(200)
    await opa.stop()
    expect(await status('alice', '/changes/2026/kept')).toBe(200)
    expect(await status('alice', '/changes/2026/new')).toBe(403)
  })
})
