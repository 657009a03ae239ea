/** `kube excess --listen` and `kube inventory --listen`, as somebody starts and ends them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pc from 'picocolors'
import { afterAll, describe, expect, test } from 'vitest'
import { runCli } from '../../../cli/program.ts'
import { createAuthority } from '../../certificates.ts'
import { auditEvent } from '../audit-events.ts'
import { listen, spawnKube } from './listening-command.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-listen-'))
const authority = createAuthority('authority of the log')
afterAll(() => {
  authority.close()
  rmSync(directory, { recursive: true, force: true })
})
const write = (name: string, text: string): void => writeFileSync(join(directory, name), text)

write(
  'cluster.yaml',
  `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: reader }
rules: [{ apiGroups: [""], resources: [pods, secrets], verbs: [get, list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: readers }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader }
subjects: [{ kind: User, name: alice }, { kind: ServiceAccount, namespace: payments, name: deployer }]
---
apiVersion: v1
kind: ServiceAccount
metadata: { namespace: payments, name: deployer }
`,
)
const { certificate, key } = authority.issue('receiver', ['IP:127.0.0.1'])
write('cert.pem', certificate)
write('key.pem', key)
write('ca.pem', authority.certificate)
write('token', 'a-token-of-the-api-server-0123456789\n')
write('short', 'abc')

const batch = (...items: readonly object[]): string =>
  JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items })
const post = (address: string, body: string, type = 'application/json') =>
  fetch(address, { method: 'POST', body, headers: { 'content-type': type } })

interface Document {
  readonly log: {
    readonly counts: { readonly calls: number }
    readonly received: Readonly<Record<string, unknown>>
  }
  readonly identities: readonly { readonly subject: string; readonly used: number }[]
}

const excess = ['excess', '--from', 'cluster.yaml', '--listen', '127.0.0.1:0']
const usedOf = (out: string) => {
  const { log, identities } = JSON.parse(out) as Document
  return { log, used: Object.fromEntries(identities.map(({ subject, used }) => [subject, used])) }
}

describe('what comes while it listens', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('is in the answer after %s, and so is what was not taken', async signal => {
    const running = await listen([...excess, '--json'], directory)
    expect(running.greeting).toContain('From anybody on this machine')
    expect(running.greeting).toContain('--keep would let it survive')
    const body = batch(
      auditEvent({ user: 'alice', verb: 'list' }),
      auditEvent({ user: 'alice', verb: 'get', name: 'x' }),
    )
    expect((await post(running.address, body)).status).toBe(200)
    expect((await post(running.address, body)).status).toBe(200)
    expect((await post(running.address, '{}')).status).toBe(400)
    const { code, out } = await running.end(signal)
    const { log, used } = usedOf(out)
    expect([code, used['user:alice'], log.counts.calls]).toEqual([0, 2, 2])
    expect(log.received).toEqual({
      address: running.address,
      batches: 2,
      events: 2,
      repeated: 2,
      refused: { 'that was no EventList of audit.k8s.io/v1': 1 },
      putOff: {},
    })
  })

  test('is in the answer when its time is over, and told of in the text', async () => {
    const { ended } = spawnKube([...excess, '--for', '1s'], directory)
    const { code, out } = await ended
    expect(code).toBe(0)
    expect(out.replaceAll(/\s+/g, ' ')).toMatch(
      /Received at http:\/\/127\.0\.0\.1:\d+: 0 events in 0 batches, kept in memory\./,
    )
  })

  test('is used by the inventory as well', async () => {
    const running = await listen(['inventory', ...excess.slice(1), '--json'], directory)
    await post(running.address, batch(auditEvent({ user: 'system:serviceaccount:payments:deployer' })))
    const { out } = await running.end()
    const { received, log } = JSON.parse(out) as { received: { events: number }; log: { calls: number } }
    expect([received.events, log.calls]).toEqual([1, 1])
  })

  test('survives when it was confirmed, whatever ends us', async () => {
    const args = [...excess, '--json', '--keep', 'kept']
    const first = await listen(args, directory)
    expect((await post(first.address, batch(auditEvent({ user: 'alice', verb: 'list' })))).status).toBe(200)
    await first.end('SIGKILL')
    const second = await listen(args, directory)
    await post(second.address, batch(auditEvent({ user: 'alice', verb: 'get', name: 'x' })))
    const { out } = await second.end()
    expect(usedOf(out).used['user:alice']).toBe(2)
    const { ended } = spawnKube(['excess', '--from', 'cluster.yaml', '--audit', 'kept', '--json'], directory)
    expect(usedOf((await ended).out).used['user:alice']).toBe(2)
  })
})

async function run(...args: readonly string[]) {
  const [out, errors]: [string[], string[]] = [[], []]
  const terminal = {
    write: (text: string) => void out.push(text),
    writeError: (text: string) => void errors.push(text),
    progress: () => undefined,
    colors: pc.createColors(false),
    env: {},
    cwd: directory,
  }
  const code = await runCli(['kube', ...args], { version: '0', terminal })
  return { code, out: out.join(''), errors: errors.join('') }
}

const tls = ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem']
describe('M05 a receiver that anybody could feed', () => {
  test.each([
    ['M05 on every address', ['--listen', '0.0.0.0:0', ...tls], /anybody could write the log/],
    ['M05 on every address of IPv6', ['--listen', '[::]:0', ...tls], /anybody could write the log/],
    ['M05 on a name', ['--listen', 'example.com:0', ...tls], /anybody could write the log/],
    ['M05 on a name that looks near', ['--listen', '127.0.0.1.example.com:0', ...tls], /anybody could write the log/],
    ['M05 with a token over plain HTTP', ['--listen', '0.0.0.0:0', '--token-file', 'token'], /needs --tls-cert/],
    [
      'M05 with any name of an authority',
      ['--listen', '127.0.0.1:0', ...tls, '--client-ca', 'ca.pem'],
      /belong together/,
    ],
    ['M05 with a short token', ['--listen', '127.0.0.1:0', '--token-file', 'short'], /at least 16 characters/],
  ])('%s does not start', async (_, args, sentence) => {
    for (const command of ['excess', 'inventory']) {
      const { code, out, errors } = await run(command, '--from', 'cluster.yaml', ...args)
      expect([command, code, out]).toEqual([command, 2, ''])
      expect(errors).toMatch(sentence)
    }
  })

  test.each([
    [['--keep', 'kept'], /--keep needs --listen/],
    [['--listen', '127.0.0.1:0', '--keep-most', '1G'], /--keep-most needs --keep/],
    [['--listen', '127.0.0.1:0', '--keep', 'kept', '--keep-most', '1'], /such as 500M or 20G/],
    [['--for', '10m'], /--for needs --listen/],
    [['--listen', '127.0.0.1:0', '--tls-cert', 'cert.pem'], /belong together/],
    [['--listen', '127.0.0.1:0', '--client-ca', 'ca.pem', '--client-name', 'x'], /--client-ca needs --tls-cert/],
    [['--listen', '127.0.0.1'], /Expected an address and a port/],
    [['--listen', '127.0.0.1:0', '--for', 'soon'], /Expected a duration/],
    [['--listen', '127.0.0.1:0', '--token-file', 'gone'], /ENOENT/],
  ])('%j is refused with a sentence', async (args, sentence) => {
    const { code, out, errors } = await run('excess', '--from', 'cluster.yaml', '--audit', '-', ...args)
    expect(code).not.toBe(0)
    expect(out).toBe('')
    expect(errors).toMatch(sentence)
  })
})
