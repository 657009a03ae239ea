/**
 * The golden cases: decided, and asked through every front as whole subrequests, into the audit event. The events stand in
 * `events/`, a line for each case and the same for every front; `vitest run tests/decisions/golden.test.ts --update`
 * writes them again, for you to read what has changed.
 */
import { readFileSync } from 'node:fs'
import { METHODS } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decide } from '../../rbac/decide.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { differences, type PolicyTestCase } from '../../rbac/testing/policy-test.ts'
import { type FrontName, frontNames } from '../dialects.ts'
import { identityHeaders } from '../service.ts'
import { goldenFiles } from './golden-cases.ts'
import { type Asked, type GoldenFronts, publicUrl, startGoldenFronts, whyNotAsked } from './golden-fronts.ts'
import { loadPolicy } from './policies.ts'

let asking: GoldenFronts
beforeAll(async () => {
  asking = await startGoldenFronts()
})
afterAll(() => asking.close())

for (const file of goldenFiles()) {
  describe(file.name, async () => {
    const policy = await loadPolicy(file.policy ?? '')
    test.each(file.cases.map(golden => ({ ...golden, title: golden.name })))('$title', golden => {
      const errors: unknown[] = []
      const decision = decide(
        { request: golden.request, identity: golden.identity, actors: golden.actors, context: golden.context },
        policy,
        error => errors.push(error),
      )
      expect(differences(golden.want, decision), `${file.name}:${golden.line}`).toEqual([])
      expect(errors).toEqual([])
    })

    test.each(frontNames)('through %s each case is answered and recorded', async front => {
      const lines: string[] = []
      // Where the check is the request itself, Node reads its method, and knows not every one.
      const isUnread = (golden: PolicyTestCase) =>
        front === 'ext-authz' && whyNotAsked(golden) === undefined && !METHODS.includes(golden.request.action)
      for (const golden of file.cases.filter(isUnread)) {
        expect((await asking.ask(front, golden, policy)).answer.status).toBe(400)
      }
      for (const golden of file.cases.filter(golden => !isUnread(golden))) {
        const reason = whyNotAsked(golden)
        if (reason !== undefined) {
          lines.push(`${golden.name}\n    not asked: ${reason}`)
          continue
        }
        const { answer, event } = await asking.ask(front, golden, policy)
        expect.soft(answerOf({ answer, event }), `${file.name}:${golden.line}`).toEqual(wantedAnswer(golden, policy))
        lines.push(`${golden.name}\n    ${eventText(event, front, golden, policy)}`)
      }
      const events = `events/${file.name.replace(/\.\w+$/, '.txt')}`
      if (lines.length === file.cases.length) return expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(events)
      const known = readFileSync(join(import.meta.dirname, events), 'utf8')
      expect(lines.filter(line => !known.includes(`${line}\n`))).toEqual([])
    })
  })
}

/** Of an answer what every dialect has to say, each in its own way. */
interface AnswerWanted {
  readonly effect: string
  /** Names of the identity headers that are there. */
  readonly identity: readonly string[]
  readonly login: string | undefined
}

/** A dialect may redirect to the login, or say 401 and where the login is. */
const effects: Readonly<Record<number, string>> = { 200: 'allow', 302: 'challenge', 401: 'challenge', 403: 'deny' }

function answerOf({ answer }: Asked): AnswerWanted {
  const login = [...answer.headers.values()].flat().find(value => value.startsWith(`${publicUrl}/login?`))
  const parameters = login === undefined ? undefined : new URL(login).searchParams
  return {
    effect: effects[answer.status] ?? `${answer.status}`,
    identity: identityHeaders.filter(name => answer.headers.has(name)),
    login: parameters === undefined ? undefined : `${parameters.get('rd')} max_age=${parameters.get('max_age')}`,
  }
}

function wantedAnswer(
  { request, want, identity, actors, context }: PolicyTestCase,
  policy: PolicySnapshot,
): AnswerWanted {
  const decision = decide({ request, identity, actors, context }, policy)
  const maxAge = decision.effect === 'challenge' ? (decision.login.maxAgeSeconds ?? null) : null
  return {
    effect: want.effect,
    identity: want.effect === 'allow' ? identityHeaders : [],
    login: want.effect === 'challenge' ? `${request.url} max_age=${maxAge}` : undefined,
  }
}

/** What is the same through every front and in every run; the rest is compared here. */
function eventText(
  event: Asked['event'],
  front: FrontName,
  { context }: PolicyTestCase,
  { revision }: PolicySnapshot,
): string {
  const { v: _version, event: name, action, domain, resource, requestId, durationMicroseconds, ...others } = event
  const { time, front: through, revision: decidedBy, ...rest } = others
  expect
    .soft([through, decidedBy, Date.parse(`${time}`), requestId, durationMicroseconds])
    .toEqual([front, revision, context.now * 1000, expect.stringMatching(/^r\d+$/), expect.any(Number)])
  const fields = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
  return [`${name} ${action} ${domain}${resource}`, ...fields].join(' ')
}
