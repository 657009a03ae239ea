/** `sallyport token inspect --certificate-file`: which machine a client certificate names, and everything that keeps it out. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { certificateRefusals } from '../../app/identity/certificate/refusal.ts'
import { runCli } from '../../cli/program.ts'
import { goodSecret } from '../config/load-text.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { createMachineAuthority, type MachineAuthority, type WantedCertificate } from './machine-authority.ts'

const uri = 'spiffe://prod.example.com/ns/ci/sa/robot'
const header = 'X-Client-Certificate'
const wiki = ['--host', 'wiki.example.com']

let cwd: string
let mesh: MachineAuthority
let other: MachineAuthority
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sallyport-inspect-certificate-'))
  mesh = createMachineAuthority('mesh')
  other = createMachineAuthority('other')
  put('session-secret', goodSecret)
  put('oidc-secret', 'of a test\n')
  put('mesh.pem', mesh.certificate)
  mkdirSync(join(cwd, 'policy'))
  put('policy/rows.csv', `p, certificate:mesh/${uri}, wiki.example.com, /deploy/**, *, -, allow\n`)
  configure('sallyport.yaml', { url: 'https://auth.example.com', clientCertificateHeader: header }, ['mesh'])
  // Nothing is taken, and no proxy passes one on.
  configure('deaf.yaml', { url: 'https://auth.example.com' })
  put('robot.pem', mesh.issue({ names: [`URI:${uri}`], days: 3 }).certificate)
})
afterAll(() => {
  mesh?.close()
  other?.close()
  rmSync(cwd, { recursive: true, force: true })
})

function put(name: string, text: string): void {
  writeFileSync(join(cwd, name), text)
  chmodSync(join(cwd, name), 0o600)
}

function configure(file: string, server: object, certificateFrom?: readonly string[]): void {
  const taken = certificateFrom === undefined ? {} : { certificateFrom }
  const certificates = [{ name: 'mesh', caFile: 'mesh.pem', names: ['uri'] }]
  const settings = {
    server,
    sessions: { store: 'lmdb', path: './data', secretFile: 'session-secret', bindTo: 'none' },
    policy: { directory: './policy' },
    providers: [{ name: 'corp', issuer: 'https://idp.example.com', clientId: 'web', clientSecretFile: 'oidc-secret' }],
    ...(certificateFrom !== undefined && { machines: { certificates } }),
    hosts: [{ host: 'wiki.example.com', ...taken }, { host: 'shop.example.com' }],
  }
  put(file, JSON.stringify(settings))
}

async function run(file: string, ...args: readonly string[]) {
  const terminal = createTestTerminal({ cwd })
  const command = ['token', 'inspect', '--certificate-file', file, ...args]
  const exitCode = await runCli(command, { version: '0', terminal })
  return { exitCode, output: terminal.output(), errors: terminal.errors() }
}

async function inspect(file: string, ...args: readonly string[]) {
  const { exitCode, output } = await run(file, '--json', ...args)
  const answer = JSON.parse(output)
  return { exitCode, answer, reasons: answer.reasons.map(({ reason }: { reason: string }) => reason) }
}

const reasonsOf = async (wanted: WantedCertificate, by = mesh, ...args: readonly string[]) => {
  put('other.pem', by.issue(wanted).certificate)
  const { exitCode, reasons } = await inspect('other.pem', ...args)
  return { exitCode, reasons }
}

describe('a certificate that counts', () => {
  it('is shown with the machine that it names, how long it lives and where it is taken', async () => {
    const { exitCode, output } = await run('robot.pem')
    expect([exitCode, output]).toEqual([0, expect.stringMatching(/^accepted {2}It counts\.\n/)])
    expect(output).toContain(`stands for certificate:mesh/${uri}\n`)
    expect(output).toContain('any of wiki.example.com (--host asks one)')
    expect(output).toMatch(/issuer +CN=mesh; configured are mesh\n/)
    expect(output).toMatch(/for +clients \(clientAuth\)\n/)
    // Made within the same second or an earlier one: three days, or a little less.
    expect(output).toMatch(/until +\d{4}-\S+Z, for [23] d more\n/)
  })

  it('is asked of the policy, with itself for the conditions', async () => {
    const at = (path: string) => ['--url', `https://wiki.example.com${path}`]
    expect((await inspect('robot.pem', ...at('/deploy/now'))).exitCode).toBe(0)
    const { exitCode, answer } = await inspect('robot.pem', ...at('/elsewhere'))
    expect([exitCode, answer.verdict, answer.policy.decision.reason]).toEqual([1, 'accepted', 'no-rule-matched'])
  })
})

describe('a certificate that is refused says why', () => {
  it('with every reason, by the words of the service', async () => {
    const names = [`URI:${uri}`, 'URI:spiffe://prod.example.com/another']
    put('many.pem', mesh.issue({ names, purpose: 'serverAuth', usage: 'keyEncipherment', days: 1 }).certificate)
    const { exitCode, answer, reasons } = await inspect('many.pem')
    expect([exitCode, answer.verdict]).toEqual([1, 'refused'])
    expect(reasons).toEqual(['purpose', 'usage', 'name'])
    for (const { reason, message } of answer.reasons) {
      expect(message).toBe(certificateRefusals[reason as keyof typeof certificateRefusals])
    }
  })

  it.each<[string, WantedCertificate, string]>([
    ['no purpose', { names: [`URI:${uri}`], purpose: null }, 'purpose'],
    ['an authority', { names: [`URI:${uri}`], isAuthority: true }, 'ca'],
    ['no name of the kinds that are taken', { names: ['DNS:robot.example.com'] }, 'name'],
    ['a name that no row can name', { names: ['URI:spiffe://prod.example.com/*'] }, 'name-form'],
    ['a weak key', { names: [`URI:${uri}`], kind: ['-newkey', 'rsa:1024'] }, 'weak'],
  ])('%s', async (_, wanted, reason) => {
    const found = await reasonsOf(wanted)
    expect([found.exitCode, found.reasons]).toEqual([1, expect.arrayContaining([reason])])
  })

  it('when it has expired', async () => {
    const later = ['--at', String(Math.floor(Date.now() / 1000) + 10 * 86_400)]
    expect((await inspect('robot.pem', ...later)).reasons).toContain('time')
  })

  it('when nobody who is configured has issued it, or a forger with the same name', async () => {
    expect((await reasonsOf({ names: [`URI:${uri}`] }, other)).reasons).toEqual(['authority'])
    const forger = createMachineAuthority('mesh')
    try {
      const { exitCode, reasons } = await reasonsOf({ names: [`URI:${uri}`] }, forger)
      expect(exitCode).toBe(1)
      expect(['authority', 'signature']).toContain(reasons[0])
    } finally {
      forger.close()
    }
  })

  it('when the host takes none, or no proxy passes one on', async () => {
    expect((await inspect('robot.pem', '--host', 'shop.example.com')).reasons).toEqual(['host'])
    const { exitCode, reasons } = await inspect('robot.pem', ...wiki, '--config', 'deaf.yaml')
    expect([exitCode, reasons]).toEqual([1, ['header', 'host', 'authority']])
  })
})

describe('the command line', () => {
  it.each([
    ['what is no certificate', ['session-secret'], 'does not hold one certificate in PEM'],
    ['a file that is not there', ['nothing.pem'], 'nothing.pem cannot be read'],
    ['a token beside it', ['robot.pem', 'token'], '--certificate-file is looked at alone'],
    ['keys to be read online', ['robot.pem', '--online'], '--certificate-file is looked at alone'],
  ])('refuses %s', async (_, [file = '', ...args], message) => {
    const { exitCode, errors } = await run(file, ...args)
    expect([exitCode, errors]).toEqual([2, expect.stringContaining(message)])
  })
})
