/** YAML that is printed for kubectl: what it reads is what was meant, whatever names hold. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pc from 'picocolors'
import { afterAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { kubectlComment, kubectlYaml } from '../../cli/kube/kubectl-yaml.ts'
import { runCli } from '../../cli/program.ts'
import { requirePeer } from '../peers.ts'
import { fc } from '../properties.ts'
import { auditEvent } from './audit-events.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-kubectl-yaml-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const kubectl = requirePeer('kubectl')
const apiGroup = 'rbac.authorization.k8s.io'
const apiVersion = `${apiGroup}/v1`
const breaks = ['\u0085', '\u2028', '\u2029', '\n', '\r'] as const

const takeover = JSON.stringify({
  apiVersion,
  kind: 'ClusterRoleBinding',
  metadata: { name: 'takeover' },
  roleRef: { apiGroup, kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup, kind: 'User', name: 'mallory' }],
})

interface Names {
  readonly namespace: string
  readonly role: string
  readonly user: string
  readonly annotation: string
}

/** Of a user who read one ConfigMap, and holds more. */
async function printed(names: Names, object: string, ...args: string[]): Promise<string> {
  const { namespace, role, user, annotation } = names
  const items = [
    {
      ...{ apiVersion, kind: 'Role', metadata: { name: role, namespace, annotations: { note: annotation } } },
      rules: [{ apiGroups: [''], resources: ['configmaps', 'secrets'], verbs: ['get', 'list'] }],
    },
    {
      ...{ apiVersion, kind: 'RoleBinding', metadata: { name: role, namespace } },
      ...{ roleRef: { apiGroup, kind: 'Role', name: role }, subjects: [{ apiGroup, kind: 'User', name: user }] },
    },
  ]
  writeFileSync(join(directory, 'list.json'), `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items })}\n`)
  const event = auditEvent({ user, verb: 'get', resource: 'configmaps', namespace, name: object })
  writeFileSync(join(directory, 'audit.log'), `${JSON.stringify(event)}\n`)
  const out: string[] = []
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: () => undefined,
    progress: () => undefined,
    colors: pc.createColors(false),
    env: {},
    cwd: directory,
  }
  const input = ['--from', 'list.json', '--audit', 'audit.log']
  expect(await runCli(['kube', 'excess', ...input, ...args], { version: '0', terminal })).toBe(0)
  return out.join('')
}

interface Read {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly rules?: readonly { readonly resourceNames?: readonly string[] }[]
  readonly subjects?: readonly { readonly name: string }[]
}

/** What kubectl makes of it, without an API server. */
async function readByKubectl(text: string): Promise<Read[]> {
  const file = join(directory, 'printed.yaml')
  writeFileSync(file, text)
  const { stdout } = await promisify(execFile)(kubectl ?? '', [
    'label',
    '--local',
    '-f',
    file,
    'read=yes',
    '-o',
    'json',
  ])
  return stdout
    .split(/^(?=\{)/m)
    .filter(part => part.trim() !== '')
    .map(part => JSON.parse(part) as Read)
}

describe.runIf(kubectl !== undefined)('M20 kubectl is given', () => {
  it.each(breaks)('no object out of a name or a note that has a line break, as %j', async at => {
    const evil = `x${at}${takeover}${at}#`
    const names = { namespace: 'shop', role: 'r', user: evil, annotation: `x${at}---${at}${takeover}` }
    for (const more of [['--patch'], ['--subject', `user:${evil}`, '--minimal']]) {
      const read = await readByKubectl(await printed(names, 'c', ...more))
      expect(read.map(({ kind }) => kind)).toEqual(more.length === 1 ? ['Role'] : ['Role', 'RoleBinding'])
      const [role, binding] = read
      if (binding === undefined) expect(role?.metadata.annotations).toEqual({ note: names.annotation })
      else expect(binding.subjects).toMatchObject([{ name: evil }])
    }
  })

  it.each(['no', 'y', 'ON', 'null', '1_000', '0b1', '2026-12-31', '1:30', '~', '=', '<<', '-', '1e3'])(
    'the name %j as it is',
    async name => {
      const names = { namespace: 'shop', role: name, user: name, annotation: name }
      const [role] = await readByKubectl(await printed(names, name, '--patch'))
      expect(role?.metadata).toMatchObject({ name, annotations: { note: name } })
      expect(role?.rules).toMatchObject([{ resourceNames: [name] }])
    },
  )
})

describe('M20 a text of any characters', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...breaks, 'a', ': ', ' #', '- ', '"', "'", '\\', '---', '\u202e'), { maxLength: 8 }),
  )
  const whole = text.map(one => (typeof one === 'string' ? one : one.join('')))
  // What no line of YAML 1.1 goes on behind, nor a reader's eye.
  const obeyed = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

  it('is the same to whoever reads it, and brings no line of its own', () => {
    fc.assert(
      fc.property(whole, whole, (key, value) => {
        const written = kubectlYaml({ [`k${key}`]: value, list: [value] })
        expect(written).not.toMatch(obeyed)
        expect(written.split('\n')).toHaveLength(5)
        for (const version of ['1.1', '1.2'] as const)
          expect(parse(written, { version })).toEqual({ [`k${key}`]: value, list: [value] })
      }),
    )
  })

  it('is one line as a comment', () => {
    fc.assert(
      fc.property(whole, value => {
        const written = kubectlComment(value)
        expect(written).not.toMatch(obeyed)
        expect(written.split('\n')).toHaveLength(2)
      }),
    )
  })
})
