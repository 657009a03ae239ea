/** Certificates and bootstrap tokens of the inventory: whom they make, until when, and what nobody has read. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { excessOf } from '../../rbac/reach/excess/excess.ts'
import { certificateUsers } from '../../rbac/reach/inventory/certificates.ts'
import { inventoryOf } from '../../rbac/reach/inventory/inventory.ts'
import { reachSummaries } from '../../rbac/reach/inventory/reach-summary.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'
import { certificateIn, requestedIn } from '../../rbac/reach/reading/x509.ts'
import { reviewOf } from '../../rbac/reach/review.ts'
import { createUsageCollector } from '../../rbac/reach/usage/usage.ts'
import { fc } from '../properties.ts'

const requests = readFileSync(join(import.meta.dirname, 'certificate-requests.yml'), 'utf8')
const now = Date.UTC(2026, 5, 1) / 1000

const bindings = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ops }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: Group, apiGroup: rbac.authorization.k8s.io, name: ops }]
`

function inventory(text: string) {
  const reading = createReading()
  reading.addText(text, 'all.yaml')
  const objects = reading.finish()
  const memberships = new Map([...certificateUsers(objects, now)].map(([id, { groups }]) => [id, groups] as const))
  const review = reviewOf(objects, { memberships })
  const usage = createUsageCollector().usage()
  const { grants } = review.facts
  const excess = excessOf(objects, grants, usage)
  const reach = reachSummaries(review.graph)
  const found = inventoryOf({ objects, grants, usage, excess, own: [], reach }, { now, days: 90 })
  return { objects, ...found, of: (id: string) => found.identities.find(one => one.id === id) }
}

describe('requests for certificates', () => {
  const all = inventory(requests + bindings)

  test('have signer, who asked, what for, and what was issued', () => {
    expect(all.of('certificate-request:backup')).toMatchObject({
      certificate: {
        signer: 'kubernetes.io/kube-apiserver-client',
        requestor: 'alice@example.com',
        usages: ['client auth'],
        state: 'issued',
        expirationSeconds: 31_536_000,
        user: 'backup-robot',
        groups: ['ops', 'backup'],
      },
      owner: { name: 'alice@example.com', inferredFrom: 'who asked for it' },
      credentials: [
        { kind: 'certificate', created: Date.UTC(2026, 0, 1) / 1000, expires: Date.UTC(2027, 0, 1) / 1000 },
      ],
    })
    expect(all.of('certificate-request:far')?.credentials[0]?.expires).toBe(Date.UTC(2056, 0, 1) / 1000)
  })

  test('of which nothing was issued name whom they ask for', () => {
    const asked = { user: 'new-robot', groups: ['staff'] }
    expect(all.of('certificate-request:wait')).toMatchObject({
      certificate: { ...asked, state: 'pending' },
      credentials: [],
    })
    expect(all.of('certificate-request:refused')).toMatchObject({ certificate: { ...asked, state: 'denied' } })
  })

  test('make users, with their groups and what these reach; ended ones and those of other signers make nobody', () => {
    const users = all.identities.filter(({ kind }) => kind === 'named-user')
    expect(users.map(({ id }) => id)).toEqual(['user:backup-robot', 'user:breakglass', 'user:system:node:node-1'])
    const backup = all.of('user:backup-robot')
    expect(backup?.credentials.map(({ name }) => name)).toEqual(['CN=backup-robot, O=ops, O=backup (backup)'])
    expect(backup?.reach?.sinks[0]?.sink).toBe('sink:cluster-admin')
    expect(all.of('user:breakglass')?.reach?.sinks[0]?.sink).toBe('sink:cluster-admin')
    expect(all.of('user:system:node:node-1')?.reach?.sinks).toEqual([])
  })

  test('that hold for long, or make somebody system:masters, are findings', () => {
    const found = all.findings.filter(({ code }) => code === 'long-lived-certificate')
    expect(found.map(({ about, severity }) => [about, severity])).toEqual([
      ['user:backup-robot', 'medium'],
      ['user:breakglass', 'critical'],
    ])
    expect(found[0]?.sentence).toContain('another 214 days')
  })

  test('leave no key behind: neither the request nor the certificate is kept', () => {
    const kept = JSON.stringify([all.objects.others, all.identities])
    const long = [...requests.matchAll(/(?:request|certificate): (\S{100,})/g)].map(([, text]) => text ?? '')
    expect(long.length).toBe(12)
    for (const text of long) expect(kept).not.toContain(text.slice(20, 80))
  })
})

describe('what is no certificate', () => {
  const long = [...requests.matchAll(/certificate: (\S{100,})/g)].map(([, text]) => text ?? '')
  const valid = long[0] ?? ''

  test('and what is cut off or changed is undefined, and never an error', () => {
    expect(certificateIn(valid)?.user).toBe('backup-robot')
    const pem = Buffer.from(valid, 'base64').toString()
    const der = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64')
    const wrapped = (bytes: Uint8Array) =>
      btoa(`-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----\n`)
    expect(certificateIn(wrapped(der))).toEqual(certificateIn(valid))
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length), (at, byte, end) => {
        const changed = Uint8Array.from(der)
        changed[at] = byte
        certificateIn(wrapped(changed))
        // A part of it has no end, so it is none.
        if (end < der.length) expect(certificateIn(wrapped(der.subarray(0, end)))).toBeUndefined()
      }),
      { numRuns: 2000 },
    )
    for (const text of [
      '',
      '%%%',
      btoa('hello'),
      'x'.repeat(200_000),
      wrapped(Uint8Array.of(0x30, 0x84, 255, 255, 255, 255)),
    ])
      expect([certificateIn(text), requestedIn(text)]).toEqual([undefined, undefined])
  })

  test('names are those that openssl reads', () => {
    for (const text of long) {
      const pem = Buffer.from(text, 'base64').toString()
      const printed = execFileSync('openssl', ['x509', '-noout', '-subject', '-nameopt', 'RFC2253'], {
        input: pem,
      }).toString()
      expect(printed).toContain(`CN=${certificateIn(text)?.user}`)
    }
  })
})

describe('bootstrap tokens', () => {
  const token = (id: string, more: string) =>
    `---\napiVersion: v1\nkind: Secret\nmetadata: { name: bootstrap-token-${id}, namespace: kube-system }\ntype: bootstrap.kubernetes.io/token\n${more}`
  const secret = 'c2VjcmV0LW9mLXRva2Vu'
  const all = inventory(
    [
      token('aaaaaa', ''),
      token('bbbbbb', `data: { token-secret: ${secret}, expiration: ${btoa('2026-07-01T00:00:00Z')} }\n`),
      token('cccccc', `stringData: { token-secret: ${secret}, expiration: '2026-08-01T00:00:00+02:00' }\n`),
      token('dddddd', `data: { token-secret: ${secret} }\n`),
      token('eeeeee', `data: { expiration: '%%%' }\n`),
    ].join(''),
  )
  const expiry = (id: string) => all.of(`bootstrap-token:bootstrap-token-${id}`)?.credentials[0]?.expires

  test('end as they say; without their keys nobody knows, and without the key never', () => {
    expect(expiry('aaaaaa')).toBe('unknown')
    expect(expiry('bbbbbb')).toBe(Date.UTC(2026, 6, 1) / 1000)
    expect(expiry('cccccc')).toBe(Date.UTC(2026, 6, 31, 22) / 1000)
    expect(expiry('dddddd')).toBe('never')
    expect(expiry('eeeeee')).toBe('unknown')
    const found = all.findings.filter(({ code }) => code === 'long-lived-credential')
    expect(found.map(({ about }) => about)).toEqual(['bootstrap-token:bootstrap-token-dddddd'])
    expect(found[0]?.sentence).toContain('make one that expires')
  })

  test('nothing else of them is kept', () => {
    expect(JSON.stringify([all.objects, all.identities])).not.toContain(secret)
  })
})

test('the requests of the file are whole', () => {
  expect(parseAllDocuments(requests)).toHaveLength(7)
})
