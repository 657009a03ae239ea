/** Client certificates of machines: which count, and everything for which one does not. */
import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readAuthorities } from '../../app/identity/certificate/authority.ts'
import type { CertificateRefusalReason } from '../../app/identity/certificate/refusal.ts'
import type { NameKind, TrustedAuthority } from '../../app/identity/certificate/verify-certificate.ts'
import { createMachineCertificate } from '../../app/identity/machine-certificate.ts'
import { createMachineAuthority, type MachineAuthority, type WantedCertificate } from '../machines/machine-authority.ts'
import { requirePeer } from '../peers.ts'

const header = 'x-client-certificate'
const robot = 'spiffe://prod.example.com/ns/ci/sa/robot'
const day = 86_400_000

describe.skipIf(requirePeer('openssl') === undefined)('a certificate of a machine', () => {
  let mesh: MachineAuthority
  let other: MachineAuthority
  /** As the mesh in its name, and in nothing else. */
  let twin: MachineAuthority
  beforeAll(() => {
    mesh = createMachineAuthority('Mesh CA')
    other = createMachineAuthority('Other CA')
    twin = createMachineAuthority('Mesh CA')
  })
  afterAll(() => {
    for (const authority of [mesh, other, twin]) authority?.close()
  })

  const trust = (authority: MachineAuthority, name: string, names: readonly NameKind[] = ['uri', 'dns', 'email']) => {
    let current = readAuthorities(authority.certificate)
    const trusted: TrustedAuthority = { name, names, current: () => current }
    return Object.assign(trusted, {
      replace: (text: string) => {
        current = readAuthorities(text)
      },
    })
  }

  const asked = (...values: readonly string[]) => ({
    cookie: '',
    isInteractive: false,
    isUpgrade: false,
    request: { domain: 'wiki.example.com', action: 'GET', url: 'https://wiki.example.com/' },
    headers: {
      only: (name: string) => (name === header && values.length === 1 ? values[0] : undefined),
      any: (name: string) => (name === header ? values[0] : undefined),
    },
  })

  const service = (accepted: readonly TrustedAuthority[], configured = accepted) => {
    // A certificate is made after this: its time has to have come.
    let now = Date.now() + 60_000
    const authenticator = createMachineCertificate({
      header,
      authorities: configured,
      acceptedOn: domain => (domain === 'wiki.example.com' ? accepted : undefined),
      clock: { now: () => now },
    })
    const ask = (...values: readonly string[]) => {
      const question = asked(...values)
      if (!authenticator.isResponsible(question)) return 'no credential'
      try {
        const answer = authenticator.authenticate(question)
        if (answer instanceof Promise) throw new Error('it waits')
        return answer.identity.kind === 'machine' ? answer.identity.certificate : answer.identity.kind
      } catch (error) {
        return (error as { cause?: { reason?: CertificateRefusalReason } }).cause?.reason ?? String(error)
      }
    }
    return { authenticator, ask, move: (ms: number) => (now += ms) }
  }

  const certify = (wanted: WantedCertificate, authority = mesh) =>
    encodeURIComponent(authority.issue(wanted).certificate)

  it('is the machine of its one name, whatever the common name says', () => {
    const { authenticator } = service([trust(mesh, 'mesh')])
    const { certificate } = mesh.issue({ names: [`URI:${robot}`], commonName: 'admin' })
    const answer = authenticator.authenticate(asked(certificate.replaceAll('\n', ' ').trim()))
    expect(answer).toEqual({
      identity: {
        kind: 'machine',
        subject: `certificate:mesh#${robot}`,
        provider: 'mesh',
        groups: [],
        claims: { fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/), serial: expect.stringMatching(/^[0-9a-f]+$/) },
        certificate: `mesh/${robot}`,
      },
      clearCookie: false,
      credential: {
        credential: 'client-certificate',
        credentialIssuer: 'mesh',
        credentialId: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    })
  })

  it.each<readonly [string, WantedCertificate, string]>([
    ['a host, in lower case', { names: ['DNS:Build-7.Example.com'] }, 'mesh/build-7.example.com'],
    ['an address, in lower case', { names: ['email:Robot@Example.com'] }, 'mesh/robot@example.com'],
    ['an address of SPIFFE', { names: [`URI:${robot}`], usage: 'digitalSignature' }, `mesh/${robot}`],
    ['a name beside one of no kind', { names: [`URI:${robot}`, 'IP:127.0.0.1'] }, `mesh/${robot}`],
    ['both purposes', { names: [`URI:${robot}`], purpose: 'serverAuth,clientAuth' }, `mesh/${robot}`],
  ])('counts with %s', (_what, wanted, expected) => {
    expect(service([trust(mesh, 'mesh')]).ask(certify(wanted))).toBe(expected)
  })

  const named = { names: [`URI:${robot}`] }
  it.each<readonly [string, WantedCertificate, CertificateRefusalReason]>([
    ['no name at all', {}, 'name'],
    ['a common name alone', { commonName: 'build.example.com' }, 'name'],
    ['two names', { names: [`URI:${robot}`, 'URI:spiffe://prod.example.com/admin'] }, 'name'],
    ['names of two kinds', { names: [`URI:${robot}`, 'DNS:build.example.com'] }, 'name'],
    ['an IP address alone', { names: ['IP:127.0.0.1'] }, 'name'],
    ['a wildcard', { names: ['DNS:*.example.com'] }, 'name-form'],
    ['a wildcard in an address', { names: ['URI:spiffe://prod.example.com/*'] }, 'name-form'],
    ['the purpose of a server alone', { ...named, purpose: 'serverAuth' }, 'purpose'],
    ['no purpose', { ...named, purpose: null }, 'purpose'],
    ['any purpose', { ...named, purpose: 'anyExtendedKeyUsage' }, 'purpose'],
    ['a key that signs nothing', { ...named, usage: 'keyAgreement' }, 'usage'],
    ['the rights of an authority', { ...named, isAuthority: true }, 'ca'],
    ['a critical extension that nobody knows', { ...named, more: ['1.2.3.4=critical,ASN1:NULL'] }, 'critical'],
    ['a short key', { ...named, kind: ['-newkey', 'rsa:1024'] }, 'weak'],
  ])('J44 is refused with %s', (_what, wanted, reason) => {
    expect(service([trust(mesh, 'mesh')]).ask(certify(wanted))).toBe(reason)
  })

  const rsa = (bits: number, ...more: string[]) => ['-newkey', `rsa:${bits}`, ...more]
  const curve = (name: string) => ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${name}`]
  const pss = ['-sigopt', 'rsa_padding_mode:pss']
  it.each<readonly [string, readonly string[]]>([
    ['SHA-1', rsa(2048, '-sha1')],
    ['SHA-1 and PSS', rsa(2048, '-sha1', ...pss)],
    ['a mask of SHA-1', rsa(2048, '-sha256', ...pss, '-sigopt', 'rsa_mgf1_md:sha1')],
    ['SHA-224', rsa(2048, '-sha224')],
    ['SHA-1 and ECDSA', [...curve('prime256v1'), '-sha1']],
    ...['secp112r1', 'secp128r1', 'secp160r1', 'prime192v1', 'secp224r1', 'secp256k1', 'brainpoolP256r1'].map(
      name => [name, curve(name)] as const,
    ),
    ['the parameters of a curve in place of its name', [...curve('secp224r1'), '-pkeyopt', 'ec_param_enc:explicit']],
    ['512 bits', rsa(512)],
  ])('J70 is refused with %s, and so is an authority', (what, kind) => {
    const strong = createMachineAuthority('RSA CA', { kind: what.endsWith('ECDSA') ? curve('prime256v1') : rsa(2048) })
    expect(service([trust(strong, 'mesh')]).ask(certify({ ...named, kind }, strong))).toBe('weak')
    strong.close()
    expect(() => readAuthorities(made({ kind }))).toThrow(/too weak/)
  })

  it.each<readonly [string, readonly string[], readonly string[]]>([
    ['RSA', rsa(2048), rsa(2048, '-sha512')],
    ['PSS', rsa(2048, ...pss), rsa(2048, '-sha384', ...pss)],
    ['a key for PSS alone', ['-newkey', 'rsa-pss', '-pkeyopt', 'rsa_keygen_bits:2048'], curve('secp384r1')],
    ['P-384', curve('secp384r1'), [...curve('secp521r1'), '-sha384']],
    ['P-521', [...curve('secp521r1'), '-sha512'], rsa(3072)],
    ['Ed25519', ['-newkey', 'ed25519'], ['-newkey', 'ed25519']],
    ['Ed448', ['-newkey', 'ed448'], ['-newkey', 'ed25519']],
  ])('J70 counts with %s', (_what, ofAuthority, kind) => {
    const strong = createMachineAuthority('Strong CA', { kind: ofAuthority })
    expect(service([trust(strong, 'mesh')]).ask(certify({ ...named, kind }, strong))).toBe(`mesh/${robot}`)
    strong.close()
  })

  it('J46 counts on by an authority that was renewed with its key, in whatever order the file has both', () => {
    const old = createMachineAuthority('Mesh CA', { days: 1 })
    const leaf = encodeURIComponent(old.issue({ ...named, days: 50 }).certificate)
    const renewed = old.renew(100)
    for (const texts of [
      [old.certificate, renewed],
      [renewed, old.certificate],
    ]) {
      const trusted = trust(old, 'mesh')
      trusted.replace(texts.join(''))
      const { ask, move } = service([trusted])
      expect(ask(leaf)).toBe(`mesh/${robot}`)
      move(2 * day)
      expect(ask(leaf)).toBe(`mesh/${robot}`)
      move(98.5 * day)
      expect(ask(leaf)).toBe('authority-time')
    }
    old.close()
  })

  it('J44 of two kinds counts where one of them is taken', () => {
    const both = certify({ names: [`URI:${robot}`, 'DNS:build.example.com'] })
    expect(service([trust(mesh, 'mesh', ['uri'])]).ask(both)).toBe(`mesh/${robot}`)
    expect(service([trust(mesh, 'mesh', ['email'])]).ask(both)).toBe('name')
  })

  it('J45 of another authority is no credential, and of one that another host takes it is refused', () => {
    const stranger = certify(named, other)
    expect(service([trust(mesh, 'mesh')]).ask(stranger)).toBe('no credential')
    const meshes = [trust(mesh, 'mesh')]
    expect(service(meshes, [...meshes, trust(other, 'other')]).ask(stranger)).toBe('authority')
  })

  it('J45 is refused when another key signed it in the name of the authority, by itself or as one', () => {
    const { ask } = service([trust(mesh, 'mesh')])
    const itself = createMachineAuthority('Mesh CA', { ...named, isAuthority: false })
    for (const text of [certify(named, twin), encodeURIComponent(itself.certificate)]) {
      expect(['signature', 'no credential']).toContain(ask(text))
    }
    itself.close()
    // Everything but the signature is that of ours.
    const bytes = Buffer.from(new X509Certificate(mesh.issue(named).certificate).raw)
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0x01
    expect(ask(bytes.toString('base64'))).toBe('signature')
  })

  it('J45 is refused when it is that of the authority itself', () => {
    expect(service([trust(mesh, 'mesh')]).ask(encodeURIComponent(mesh.certificate))).toBe('ca')
  })

  it('J45 is refused where two entries would name it', () => {
    expect(service([trust(mesh, 'mesh'), trust(mesh, 'again')]).ask(certify(named))).toBe('authority')
  })

  it('J46 counts within its dates, the second time as the first', () => {
    const { ask, move } = service([trust(mesh, 'mesh')])
    const text = certify(named)
    expect([ask(text), ask(text)]).toEqual([`mesh/${robot}`, `mesh/${robot}`])
    move(2 * day)
    expect(ask(text)).toBe('authority-time')
    move(-3 * day)
    expect(ask(text)).toBe('authority-time')
  })

  it('J46 is refused when it has expired and its authority has not', () => {
    const lasting = createMachineAuthority('Lasting CA', { days: 9 })
    const issued = certify(named, lasting)
    const { ask, move } = service([trust(lasting, 'mesh')])
    expect(ask(issued)).toBe(`mesh/${robot}`)
    move(2 * day)
    expect(ask(issued)).toBe('time')
    lasting.close()
  })

  it('J46 counts no more once its authority was taken out, remembered or not', () => {
    const trusted = trust(mesh, 'mesh')
    const { ask } = service([trusted])
    const text = certify(named)
    expect(ask(text)).toBe(`mesh/${robot}`)
    trusted.replace(other.certificate)
    expect(ask(text)).toBe('no credential')
    trusted.replace(`${other.certificate}${mesh.certificate}`)
    expect(ask(text)).toBe(`mesh/${robot}`)
  })

  it('J47 is refused when it cannot be read, comes twice or is too long, and none is none', () => {
    const { ask } = service([trust(mesh, 'mesh')])
    const text = certify(named)
    const bytes = new X509Certificate(decodeURIComponent(text)).raw
    for (const garbage of [
      'CN=robot',
      text.slice(0, -60),
      bytes.subarray(0, -1).toString('base64'),
      'A'.repeat(40_000),
    ]) {
      expect(ask(garbage)).toBe('form')
    }
    expect(ask(text, text)).toBe('form')
    expect([ask(), ask('')]).toEqual(['no credential', 'no credential'])
    for (const form of [bytes.toString('base64'), `:${bytes.toString('base64')}:`])
      expect(ask(form)).toBe(`mesh/${robot}`)
  })

  it('J47 with a byte changed is never the machine', () => {
    const { ask } = service([trust(mesh, 'mesh')])
    const bytes = new X509Certificate(decodeURIComponent(certify(named))).raw
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 0x01
      expect(ask(changed.toString('base64')), `byte ${at}`).not.toBe(`mesh/${robot}`)
    }
  })

  it('means nothing on a host that takes none', () => {
    const { authenticator } = service([trust(mesh, 'mesh')])
    const question = {
      ...asked(certify(named)),
      request: { domain: 'shop.example.com', action: 'GET', url: 'https://shop.example.com/' },
    }
    expect(authenticator.isResponsible(question)).toBe(false)
  })
})

describe.skipIf(requirePeer('openssl') === undefined)('a file of authorities', () => {
  it.each<readonly [string, () => string, RegExp]>([
    ['nothing', () => '', /expected certificates in PEM/],
    ['a client', () => made({ isAuthority: false }), /not the certificate of an authority/],
    ['an authority that may not sign', () => made({ usage: 'cRLSign' }), /not the certificate of an authority/],
    [
      'name constraints',
      () => made({ more: ['nameConstraints=critical,permitted;DNS:example.com'] }),
      /name constraints/,
    ],
    [
      'name constraints that may be passed over',
      () => made({ more: ['nameConstraints=permitted;DNS:example.com'] }),
      /name constraints/,
    ],
    ['a critical extension that nobody knows', () => made({ more: ['1.2.3.4=critical,ASN1:NULL'] }), /1\.2\.3\.4/],
    ['a short key', () => made({ kind: ['-newkey', 'rsa:1024'] }), /Some CA has a key that is too weak: RSA/],
  ])('with %s cannot be used', (_what, text, message) => {
    expect(() => readAuthorities(text())).toThrow(message)
  })
})

function made(wanted: WantedCertificate): string {
  const authority = createMachineAuthority('Some CA', wanted)
  authority.close()
  return authority.certificate
}
