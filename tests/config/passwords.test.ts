/** Settings of application passwords: what is refused, and what the rest of the service gets. */
import { describe, expect, it } from 'vitest'
import { formatProblems } from '../../config/problems.ts'
import { loadText, minimal, problemsOf } from './load-text.ts'

const problems = (text: string) => formatProblems(problemsOf(text)).replace(/\s+/g, ' ')

describe('application passwords', () => {
  it('are taken by no host where none says so, with limits that are there all the same', () => {
    const { config } = loadText(minimal)
    expect(config.hosts).toEqual([])
    expect(config.passwords).toEqual({
      lifetimeSeconds: 90 * 86_400,
      maxLifetimeSeconds: 365 * 86_400,
      claims: [],
      confirmWithinSeconds: 30 * 86_400,
      freshLoginSeconds: 900,
      perPerson: 20,
      failuresPerMinute: 30,
    })
  })

  it.each([
    ['passwords: { lifetime: 400d }', 'passwords.lifetime expected at most passwords.maxLifetime'],
    ['passwords: { maxLifetime: 30d }', 'passwords.lifetime expected at most passwords.maxLifetime'],
    [
      'hosts: [{ host: a.example.com, passwords: true, maxAge: 8h }]',
      'hosts[0].passwords expected nothing beside maxAge: a password is no login',
    ],
    [
      'hosts: [{ host: a.example.com, passwords: true, maxIdle: 8h }]',
      'hosts[0].passwords expected nothing beside maxIdle: a password is no login',
    ],
  ])('J39 %s is refused', (text, problem) => {
    expect(problems(`${minimal}\n${text}`)).toContain(problem)
  })

  it('J39 are refused beside sessions that are bound to a certificate', () => {
    const bound = minimal
      .replace('server: {', 'server: { clientCertificateHeader: X-Client-Certificate,')
      .replace('sessions: {', 'sessions: { bindTo: client-certificate,')
    expect(problems(`${bound}\nhosts: [{ host: a.example.com, passwords: true }]`)).toContain(
      'hosts[0].passwords expected nothing beside sessions.bindTo: a password is not bound to the certificate',
    )
  })

  it('may be refused on one host below a pattern that takes them', () => {
    const hosts =
      'hosts: [{ host: "*.example.com", passwords: true }, { host: a.example.com, passwords: false, maxAge: 8h }]'
    expect(loadText(`${minimal}\n${hosts}`).config.hosts).toMatchObject([{ passwords: true }, { passwords: false }])
  })
})
