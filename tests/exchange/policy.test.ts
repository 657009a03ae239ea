/** Rows of the domain `tokens`: how they are written, whom they cover, and what is refused. */
import { describe, expect, it } from 'vitest'
import { parseCall } from '../../rbac/asking/calls/parse-call.ts'
import { decide } from '../../rbac/decide.ts'
import type { Machine } from '../../rbac/identity.ts'
import { canonicaliseHost } from '../../rbac/request/canonical-host.ts'
import { policyOf } from '../decisions/policies.ts'

const robot: Machine = {
  kind: 'machine',
  subject: 'i#robot',
  provider: 'corp',
  groups: [],
  claims: {},
  client: 'corp/robot',
}
const ask = async (text: string, call: string) => {
  const { request } = parseCall(call)
  return decide(
    { request, identity: robot, context: { now: 0, header: () => undefined, clientAddress: undefined } },
    await policyOf(text),
  )
}

describe('a row of the domain tokens', () => {
  it.each([
    ['p, client:corp/robot, tokens, /wiki.example.com, create, -, allow', 'create tokens /wiki.example.com', 'allow'],
    [
      'p, client:corp/robot, tokens, /wiki.example.com, create, -, allow',
      'introspect tokens /wiki.example.com',
      'deny',
    ],
    [
      'p, client:corp/robot, tokens, /wiki.example.com, create, -, allow',
      'create tokens /wiki.example.com.evil',
      'deny',
    ],
    ['p, client:corp/robot, tokens, /*.example.com, *, -, allow', 'create tokens /wiki.example.com', 'allow'],
    ['p, client:corp/robot, tokens, /*.example.com, *, -, allow', 'create tokens /example.com', 'deny'],
    ['p, client:corp/robot, tokens, /**, create|introspect, -, allow', 'introspect tokens /wiki.example.com', 'allow'],
    ['p, authenticated, *, /**, *, -, allow', 'create tokens /wiki.example.com', 'deny'],
    ['p, authenticated, *.example.com, /**, *, -, allow', 'create tokens /wiki.example.com', 'deny'],
    [
      'p, client:corp/robot, tokens, /**, *, -, allow\np, authenticated, tokens, /wiki.example.com, *, -, deny',
      'create tokens /wiki.example.com',
      'deny',
    ],
    ['p, client:corp/robot, tokens, /**, *, -, allow', 'create tokens /kube:blue', 'deny'],
    ['p, client:corp/robot, tokens, /*, *, -, allow', 'introspect tokens /kube:blue', 'deny'],
    ['p, client:corp/robot, tokens, /*:blue, *, -, allow', 'create tokens /kube:blue', 'deny'],
    ['p, client:corp/robot, tokens, /kube:*, create, -, allow', 'create tokens /kube:blue', 'allow'],
    ['p, client:corp/robot, tokens, /kube:*, create, -, allow', 'create tokens /kube.example.com', 'deny'],
    [
      'p, client:corp/robot, tokens, /kube:blue, *, -, allow\np, authenticated, tokens, /**, *, -, deny',
      'create tokens /kube:blue',
      'deny',
    ],
    [
      'p, client:corp/robot, tokens, /kube:blue, *, -, allow\np, authenticated, tokens, /*, *, -, deny',
      'create tokens /kube:blue',
      'deny',
    ],
  ])('J21 J120 %s: %s is %s', async (rows, call, effect) => expect((await ask(rows, call)).effect).toBe(effect))

  it.each([
    ['p, anyone, tokens, /wiki.example.com/deploy, create, -, deny', 'takes hosts in lower case'],
    ['p, anyone, tokens, /Wiki.example.com, create, -, deny', 'takes hosts in lower case'],
    ['p, anyone, tokens, re:/wiki.*, create, -, deny', 'takes hosts in lower case'],
    ['p, anyone, tokens, /, create, -, deny', 'takes hosts in lower case'],
    ['p, anyone, tokens, /wiki.example.com., create, -, deny', 'takes hosts in lower case'],
    ['p, anyone, tokens, /wiki.example.com, GET, -, deny', '"GET"'],
    ['p, anyone, tokens, /wiki.example.com, craete, -, deny', 'create'],
    ['p, anyone, tokens, /wiki.example.com, read, -, deny', '"read"'],
  ])('that can never apply is refused: %s', async (rows, message) => {
    await expect(policyOf(rows)).rejects.toMatchObject({ problems: [{ message: expect.stringContaining(message) }] })
  })

  it('is that of no host', () => expect(() => canonicaliseHost('tokens')).toThrow('reserved'))
})
