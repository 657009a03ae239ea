/** The Authorization header that the application of a host gets: how it is read, and what is refused. */
import { describe, expect, it } from 'vitest'
import { createHostSettings } from '../../config/host-settings.ts'
import { formatProblems } from '../../config/problems.ts'
import { loadText, minimal, problemsOf } from './load-text.ts'

const gateway = 'url: https://k8s.example.com, tls: { certificateFile: k8s.pem, keyFile: k8s-key.pem }'
const prod = '{ name: prod, server: "https://10.0.0.1:6443", credential: { tokenFile: /run/prod-token } }'
const lab = '{ name: lab, access: direct, server: "https://10.0.0.9:6443" }'
const textOf = (host: string, more = '') =>
  `${minimal}\n${more}\nkubernetes: { ${gateway}, clusters: [${prod}, ${lab}] }\nhosts: [${host}]\n`

describe('hosts[].authorization', () => {
  it('is the assertion, or a token for a cluster', () => {
    const hosts = [
      '{ host: "*.example.com", authorization: assertion }',
      '{ host: headlamp.example.com, authorization: "kube:prod" }',
    ]
    const settings = createHostSettings(loadText(textOf(hosts.join(', '))).config.hosts)
    expect(settings('wiki.example.com')).toEqual({ authorization: { kind: 'assertion' } })
    expect(settings('headlamp.example.com')).toEqual({ authorization: { kind: 'cluster', cluster: 'prod' } })
    expect(settings('example.org')).toEqual({})
  })

  it.each([
    ['another word', 'token', '', 'expected assertion, or kube: and the name of a cluster'],
    ['no name', '"kube:"', '', 'expected assertion, or kube: and the name of a cluster'],
    ['a cluster that is not there', '"kube:prdo"', '', 'there is no such cluster; did you mean "prod"?'],
    ['a cluster that nobody judges for', '"kube:lab"', '', 'expected a cluster behind the gateway'],
    ['assertions that are off', 'assertion', 'assertion: { enabled: false }', 'there are no assertions'],
    ['a second meaning of the name', '"kube:prod"', 'headers: { user: authorization }', 'beside that of headers.user'],
  ])('is refused with %s', (_, wanted, more, message) => {
    const text = formatProblems(problemsOf(textOf(`{ host: a.example.com, authorization: ${wanted} }`, more)))
    expect(text).toContain('hosts[0].authorization')
    expect(text).toContain(message)
  })

  it('L27 is no token of a cluster for whatever host is below a name', () => {
    const text = formatProblems(problemsOf(textOf('{ host: "*.example.com", authorization: "kube:prod" }')))
    expect(text).toContain('hosts[0].authorization  expected an entry for the single host')
  })
})
