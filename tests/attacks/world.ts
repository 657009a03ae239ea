/** The policy that the attacks try to get around, and what "denied" means in the list of abuse cases. */
import { expect } from 'vitest'
import { frontNames } from '../dialects.ts'
import { type Answer, identityHeaders, startService, type TestService, type TestServiceOptions } from '../service.ts'

export const wiki = 'https://wiki.example.com'
export const fronts = frontNames

const policy = `
p, anyone,            wiki.example.com, /public/**, read, -,      allow
p, group:ops,         wiki.example.com, /admin/**,  *,    -,      allow
p, authenticated,     wiki.example.com, /,          read, -,      allow
p, authenticated,     wiki.example.com, /office,    read, office, allow
p, authenticated,     shop.example.com, /**,        *,    -,      allow
p, group:contractors, shop.example.com, /orders/**, *,    -,      deny
p, anyone,            *.apps.example.com, /**,      read, -,      allow
p, group:ops,         auth-only.example.com, /**,   *,    -,      allow
`

const conditions = 'office: { source-network: [198.51.100.0/24] }\n'

export const startWorld = (options: Partial<TestServiceOptions> = {}): Promise<TestService> =>
  startService({ policy, conditions, ...options })

/** 400, 401, 403, 414 or 431, and nothing that tells an application who is asking. */
export function expectDenied(answer: Answer, what = ''): void {
  expect([400, 401, 403, 414, 421, 431], what).toContain(answer.status)
  for (const name of identityHeaders) expect(answer.headers.has(name), `${what}: ${name}`).toBe(false)
}

/** Allowed, and as nobody: every identity header is there and empty. */
export function expectAnonymous(answer: Answer, what = ''): void {
  expect(answer.status, what).toBe(200)
  for (const name of identityHeaders) expect(answer.headers.get(name), `${what}: ${name}`).toEqual([''])
}
