/** Somebody whose address nobody told: rows that allow an address are no answer that hangs on what was not recorded. */
import { describe, expect, it } from 'vitest'
import { type MissingFact, replayQuestion } from '../../rbac/asking/replay.ts'
import type { User } from '../../rbac/identity.ts'
import { policyOf } from '../decisions/policies.ts'

const conditions = 'managed: { header: { name: x-device, in: [managed] } }\n'
const bob: User = {
  kind: 'user',
  subject: 'https://idp.example#bob',
  provider: 'corp',
  groups: [],
  claims: {},
  untold: ['email'],
}

async function replay(rows: readonly string[], missing: readonly MissingFact[]) {
  const policy = await policyOf(`${rows.join('\n')}\n`, conditions)
  const request = { domain: 'wiki.example.com', resource: '/a', action: 'GET', url: 'https://wiki.example.com/a' }
  const context = { now: 1_767_434_400, header: undefined, clientAddress: undefined }
  return replayQuestion(policy, { request, identity: bob, context, missing: new Set(missing) })
}

describe.each([[['headers']], [['headers', 'groups']]] as const)('without %j', missing => {
  it.each(['email:bob@corp.example', 'email-domain:corp.example'])(
    'J61 is surely refused where the one row allows %s',
    async subject => {
      const answer = await replay([`p, ${subject}, wiki.example.com, /**, *, managed, allow`], missing)
      expect(answer).toMatchObject({ kind: 'certain', decision: { effect: 'deny' } })
    },
  )

  it('J61 is surely refused where that address is denied something else as well: the row is none for them', async () => {
    const rows = [
      'p, email-domain:corp.example, wiki.example.com, /**, *, managed, allow',
      'p, email-domain:corp.example, wiki.example.com, /other, *, -, deny',
    ]
    expect(await replay(rows, missing)).toMatchObject({ kind: 'certain', decision: { effect: 'deny' } })
  })

  it('J61 is uncertain where such a row denies', async () => {
    const rows = [
      'p, authenticated, wiki.example.com, /**, *, -, allow',
      'p, email:bob@corp.example, wiki.example.com, /**, *, managed, deny',
    ]
    expect(await replay(rows, missing)).toEqual({ kind: 'uncertain', facts: ['headers'] })
  })
})
