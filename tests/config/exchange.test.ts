/** `machines.exchange`: how it is read, and what is refused beside it. */
import { describe, expect, it } from 'vitest'
import { formatProblems } from '../../config/problems.ts'
import { loadText, minimal, problemsOf } from './load-text.ts'

const prod =
  'name: prod, kind: kubernetes, issuer: "https://kubernetes.default.svc", audience: sallyport, jwksFile: prod.json'
const text = (exchange: string, issuers = `[{ ${prod} }]`, bearerFrom = '[sallyport, prod]') =>
  `${minimal}\nmachines: { issuers: ${issuers}${exchange} }\nhosts: [{ host: wiki.example.com, bearerFrom: ${bearerFrom} }]`
const problem = (...given: Parameters<typeof text>) => formatProblems(problemsOf(text(...given))).replace(/\s+/g, ' ')

describe('the section machines.exchange', () => {
  it('is absent unless it is written, and ten minutes', () => {
    expect(loadText(text('', undefined, '[prod]')).config.machines).not.toHaveProperty('exchange')
    expect(loadText(text(', exchange: {}')).config.machines?.exchange).toEqual({ lifetimeSeconds: 600, people: false })
    expect(loadText(text(', exchange: { lifetime: 1h }')).config.machines?.exchange).toEqual({
      lifetimeSeconds: 3600,
      people: false,
    })
  })

  it('gives people none beside sessions that are bound to a certificate', () => {
    const env = {
      SALLYPORT_SESSIONS_BIND_TO: 'client-certificate',
      SALLYPORT_SERVER_CLIENT_CERTIFICATE_HEADER: 'X-Certificate',
    }
    const found = formatProblems(problemsOf(text(', exchange: { people: true }'), { env }))
    expect(found).toContain('expected false beside sessions.bindTo')
  })

  it.each([
    ['longer than an hour', ', exchange: { lifetime: 61m }', undefined, 'the most is 3600s'],
    ['shorter than a minute', ', exchange: { lifetime: 59s }', undefined, 'the least is 60s'],
    ['hosts that want what is not there', '', undefined, 'is missing: machines.exchange'],
    [
      'our name for somebody else',
      ', exchange: {}',
      `[{ ${prod.replace('name: prod', 'name: sallyport')} }]`,
      'and not sallyport',
    ],
    [
      'J26 our assertions as tokens of an issuer',
      ', exchange: {}',
      `[{ ${prod} }, { name: own, kind: generic, issuer: "https://auth.example.com", audience: s }]`,
      'got this service: write bearerFrom: [sallyport]',
    ],
    [
      'J26 our tokens of kubectl as tokens of an issuer',
      ', exchange: {}',
      `[{ ${prod} }, { name: own, kind: openid, issuer: "https://auth.example.com/kube", audience: s }]`,
      'got this service: write bearerFrom: [sallyport]',
    ],
  ])('refuses %s', (_, exchange, issuers, message) => {
    expect(problem(exchange, issuers)).toContain(message)
  })
})
