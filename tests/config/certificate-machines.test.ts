/** Authorities of client certificates, and the hosts that take these: how they are read, and what is refused. */
import { describe, expect, it } from 'vitest'
import { formatProblems } from '../../config/problems.ts'
import { loadText, minimal, problemsOf } from './load-text.ts'

const mesh = '{ name: mesh, caFile: mesh.pem, names: [uri] }'
const bound = minimal
  .replace('server: {', 'server: { clientCertificateHeader: X-Client-Certificate,')
  .replace('sessions: {', 'sessions: { bindTo: none,')
const text = (authorities: string, host = 'certificateFrom: [mesh]', base = bound) =>
  `${base}\nmachines: { certificates: [${authorities}] }\nhosts: [{ host: wiki.example.com, ${host} }]\n`
const problems = (...given: Parameters<typeof text>) => formatProblems(problemsOf(text(...given)))

describe('machines.certificates', () => {
  it('are typed, with absolute paths, and may be without issuers of tokens', () => {
    const { config } = loadText(text(mesh))
    expect(config.machines).toEqual({
      issuers: [],
      certificates: [{ name: 'mesh', caPath: '/etc/sallyport/mesh.pem', names: ['uri'] }],
    })
    expect(config.hosts[0]).toMatchObject({ certificateFrom: ['mesh'] })
  })

  it.each<readonly [string, Parameters<typeof text>, string]>([
    [
      'no header of the proxies',
      [mesh, undefined, minimal],
      'is missing: machines.certificates expects the name of the header',
    ],
    ['two of a name', [`${mesh}, ${mesh}`], 'expected a name of its own, got that of another authority'],
    [
      'a host with one that is not there',
      [mesh, 'certificateFrom: [mash]'],
      'there is no such authority; did you mean "mesh"?',
    ],
    ['no kind of name', ['{ name: mesh, caFile: mesh.pem, names: [] }'], 'names'],
    ['the common name', ['{ name: mesh, caFile: mesh.pem, names: [cn] }'], 'uri'],
    ['no file', ['{ name: mesh, names: [uri] }'], 'caFile'],
  ])('are refused with %s', (_what, given, message) => {
    expect(problems(...given)).toContain(message)
  })
})
