/** Conditions that ask somebody else, in the whole service: every front, a decider that is a real server, and its failures. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { about, type QuestionWorld, startQuestions } from '../authzen/world.ts'
import { frontNames } from '../dialects.ts'
import { header } from '../service.ts'
import { type AskedOfDecider, type DeciderServer, saying, startDecider } from './decider-server.ts'

const host = 'wiki.example.com'
const policy = `
p, authenticated,     ${host}, /open/**,   *, -,            allow
p, user:ISSUER#alice, ${host}, /asked/**,  *, asked,        allow
p, user:ISSUER#alice, ${host}, /kept/**,   *, kept,         allow
p, user:ISSUER#alice, ${host}, /late/**,   *, late,         allow
p, user:ISSUER#alice, ${host}, /either/**, *, either,       allow
p, user:ISSUER#alice, ${host}, /both/**,   *, asked & kept, allow
p, user:ISSUER#alice, ${host}, /strong/**, *, asked & mfa,  allow
p, user:ISSUER#alice, ${host}, /denied/**, *, -,            allow
p, authenticated,     ${host}, /denied/**, *, asked,        deny
p, user:ISSUER#alice, ${host}, /shadow/**, *, -,            allow
p, user:ISSUER#alice, ${host}, /shadow/**, *, asked,        shadow-deny
p, authenticated,     ${host}, /told/**,   *, -,            allow
p, authenticated,     ${host}, /told/**,   *, asked,        deny
p, client:apps/payroll, authzen, /**, evaluate|search, -, allow
`
const conditions = `
asked:  { ask: asked }
kept:   { ask: kept }
late:   { ask: late }
either: { any: [{ ask: asked }, { ask: kept }] }
mfa:    { authentication-method: [mfa] }
`
const token = 'the-token-of-this-service'
const yes = saying({ result: true })
const no = saying({ result: false })

let decider: DeciderServer
let kept: DeciderServer
let world: QuestionWorld
let alice: string
let bob: string
let directory: string
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-deciders-'))
  const tokenFile = join(directory, 'token')
  writeFileSync(tokenFile, `${token}\n`)
  decider = await startDecider()
  kept = await startDecider()
  const deciders = [
    { name: 'asked', url: decider.url, timeout: '10s', cacheFor: '0s', tokenFile },
    { name: 'late', url: decider.url, timeout: '100ms', cacheFor: '0s' },
    { name: 'kept', url: kept.url, shape: 'authzen', timeout: '10s', cacheFor: '1h' },
  ]
  world = await startQuestions(policy, { conditions, settings: { policy: { deciders } } })
  alice = await world.logIn('alice', `https://${host}/open/`)
  bob = await world.logIn('bob', `https://${host}/open/`)
})
afterAll(async () => {
  await world.close()
  await Promise.all([decider.close(), kept.close()])
  rmSync(directory, { recursive: true })
})
beforeEach(() => {
  decider.asked.length = 0
  kept.asked.length = 0
  decider.answer = yes
  kept.answer = saying({ decision: true })
})

const ask = (path: string, cookie: string | undefined = alice, front: (typeof frontNames)[number] = 'forward-auth') =>
  world.ask(front, { url: `https://${host}${path}`, ...(cookie !== '' && { cookie }) })

describe.each(frontNames)('%s', front => {
  it('lets in by a yes, and by nothing else (H44)', async () => {
    expect((await ask('/asked/a', alice, front)).status).toBe(200)
    decider.answer = no
    expect((await ask('/asked/a', alice, front)).status).toBe(403)
  })

  it('keeps a deny until there is a no (H44)', async () => {
    expect((await ask('/denied/a', alice, front)).status).toBe(403)
    decider.answer = saying({}, 500)
    expect((await ask('/denied/a', alice, front)).status).toBe(403)
    decider.answer = no
    expect((await ask('/denied/a', alice, front)).status).toBe(200)
  })
})

describe('a decider', () => {
  it('is told who asks for what, with our token, and neither cookie nor query', async () => {
    await ask('/asked/a%20b?q=secret')
    const [question, ...others] = decider.asked
    expect(others).toEqual([])
    expect(question?.headers.authorization).toBe(`Bearer ${token}`)
    expect(question?.body).toMatchObject({
      input: {
        subject: { type: 'user', id: `${world.issuer}#alice` },
        action: { name: 'GET' },
        resource: { type: 'url', id: `https://${host}/asked/a%20b` },
        context: { ip_address: '203.0.113.9' },
      },
    })
    const told = JSON.stringify(question)
    expect(told).not.toContain('secret')
    expect(told).not.toContain(alice.split('=')[1])
    expect(world.logText()).not.toContain(token)
  })

  it('is not asked for whom no row would let in, nor where none asks', async () => {
    expect((await ask('/asked/a', bob)).status).toBe(403)
    expect((await ask('/asked/a', '')).status).toBe(401)
    expect((await ask('/open/a')).status).toBe(200)
    expect(decider.asked).toEqual([])
  })

  it('of a shadow row is asked as well, and changes nothing', async () => {
    const answer = await ask('/shadow/a')
    expect(answer.status).toBe(200)
    expect(await world.eventOf(answer)).toMatchObject({ shadow: ['policy.csv:12'] })
    decider.answer = no
    const other = await ask('/shadow/a')
    expect(await world.eventOf(other)).not.toHaveProperty('shadow')
  })

  it('and another one are both asked, and either may be enough', async () => {
    expect((await ask('/both/a')).status).toBe(200)
    expect([decider.asked.length, kept.asked.length]).toEqual([1, 1])
    decider.answer = no
    expect((await ask('/both/a')).status).toBe(403)
    expect((await ask('/either/a')).status).toBe(200)
  })

  it('that is right beside a login that is not strong enough sends to the login; one that says no sends nobody', async () => {
    const answer = await ask('/strong/a')
    expect(await world.eventOf(answer)).toMatchObject({
      event: 'access.challenged',
      reason: 'authentication-method-missing',
    })
    decider.answer = no
    const other = await ask('/strong/a')
    expect(await world.eventOf(other)).toMatchObject({ event: 'access.denied', reason: 'condition-failed' })
  })
})

describe('an answer', () => {
  it('is kept for its time, for the same question alone (H45)', async () => {
    expect((await ask('/kept/once')).status).toBe(200)
    kept.answer = saying({ decision: false })
    expect((await ask('/kept/once')).status).toBe(200)
    expect(kept.asked).toHaveLength(1)
    expect((await ask('/kept/other')).status).toBe(403)
    const { status } = await world.ask('forward-auth', {
      method: 'POST',
      url: `https://${host}/kept/once`,
      cookie: alice,
    })
    expect(status).toBe(403)
    expect(kept.asked).toHaveLength(3)
  })

  it('of many at once is one question', async () => {
    let response: ServerResponse | undefined
    const arrived = new Promise<void>(resolve => {
      kept.answer = one => {
        response = one
        resolve()
      }
    })
    const asking = Promise.all([1, 2, 3, 4].map(() => ask('/kept/together')))
    await arrived
    saying({ decision: true })(response as ServerResponse, {} as AskedOfDecider)
    // Whoever came behind the answer finds it kept.
    expect((await asking).map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(kept.asked).toHaveLength(1)
  })

  it.each<[string, DeciderServer['answer']]>([
    ['another status', saying({ result: true }, 201)],
    ['no JSON', response => response.end('true')],
    ['no result', saying({})],
    ['a text', saying({ result: 'true' })],
    ['two of one', response => response.end('{"result":false,"result":true}')],
    ['two of one within', response => response.end('{"result":{"allow":false,"allow":true}}')],
    [
      'half of one',
      response => {
        response.writeHead(200, { 'content-length': '15' }).write('{"result":true')
        response.destroy()
      },
    ],
    ['too much', saying({ result: true, more: 'x'.repeat(2 * 2 ** 20) })],
    ['an end of the connection', response => response.destroy()],
  ])('that is %s is none (H44)', async (_, answer) => {
    decider.answer = answer
    expect((await ask('/asked/a')).status).toBe(403)
    expect((await ask('/denied/a')).status).toBe(403)
    decider.answer = yes
    expect((await ask('/asked/a')).status).toBe(200)
  })

  it('that says to ask somebody else is none, and nobody else is asked (H44)', async () => {
    kept.answer = yes
    decider.answer = response => response.writeHead(307, { location: kept.url }).end()
    expect((await ask('/asked/a')).status).toBe(403)
    expect(kept.asked).toEqual([])
  })

  it('that is late is none (H44)', async () => {
    decider.answer = () => undefined
    expect((await ask('/late/a')).status).toBe(403)
  })
})

describe('the operator', () => {
  it('sees when a decider falls silent and answers again', async () => {
    const page = `http://127.0.0.1:${world.adminPort}/readyz`
    const state = async (): Promise<unknown> => {
      const answer = await fetch(page)
      // It is asked for some requests, and not for the others.
      expect(answer.status).toBe(200)
      const { checks } = (await answer.json()) as { checks: { name: string }[] }
      return checks.find(({ name }) => name === 'decider-asked')
    }
    decider.answer = saying({}, 503)
    await ask('/asked/a')
    await ask('/asked/a')
    expect(await state()).toMatchObject({ ok: false, detail: 'it did not answer when it was last asked' })
    decider.answer = yes
    await ask('/asked/a')
    expect(await state()).toMatchObject({ ok: true })
    const lines = world.logText().split('\n')
    expect(lines.filter(line => line.includes('gives no answer') && line.includes('"asked"')).length).toBe(
      lines.filter(line => line.includes('answers again') && line.includes('"asked"')).length,
    )
    const metrics = await (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text()
    expect(metrics).toMatch(/sallyport_decider_questions_total\{decider="asked",outcome="failed"\} [1-9]/)
    expect(metrics).toMatch(/sallyport_decider_questions_total\{decider="asked",outcome="yes"\} [1-9]/)
  })

  it('gets a decision explained with the answers that were given, and asks nobody for it', async () => {
    const answer = await ask('/asked/a')
    const id = header(answer, 'x-sallyport-request-id')
    decider.answer = no
    const asked = decider.asked.length
    const explained = await (await fetch(`http://127.0.0.1:${world.adminPort}/explain/${id}`)).json()
    expect(explained).toMatchObject({ decision: { effect: 'allow', rule: 'policy.csv:3' } })
    expect(decider.asked).toHaveLength(asked)
  })

  it.each([
    ['another decider', `p, anyone, ${host}, /x, *, other, allow`, 'other: { ask: other }', 'other'],
    ['one about tokens', 'p, authenticated, tokens, /wiki.example.com, create, asked, deny', '', 'asked about hosts'],
    ['one about the console', 'p, authenticated, console, /**, *, !asked, deny', '', 'asked about hosts'],
    ['an address', `p, anyone, ${host}, /x, *, away, deny`, 'away: { ask: "http://127.0.0.1:1/" }', 'lower-case'],
  ])('gets no row in force that asks %s (H46)', async (_, row, condition, why) => {
    const reload = () =>
      fetch(`http://127.0.0.1:${world.adminPort}/policy/reload`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
      })
    const put = (rows: string, named: string): void => {
      writeFileSync(join(world.directory, 'conditions.yaml'), `${conditions}\n${named}\n`)
      writeFileSync(join(world.directory, 'policy.csv'), `${policy.replaceAll('ISSUER', world.issuer)}${rows}\n`)
    }
    put(row, condition)
    const refused = await reload()
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain(why)
    put('', '')
    expect((await reload()).status).toBe(200)
  })
})

it('an evaluation of an application says what a front says, and a search finds nobody by such a row', async () => {
  const question = about(`user:${world.issuer}#alice`, 'GET', `url:https://${host}/asked/a`)
  expect(await world.decides(question)).toBe(true)
  decider.answer = no
  expect(await world.decides(question)).toBe(false)
  decider.answer = yes
  const { body } = await world.question('search/subject', { ...question, subject: { type: 'user' } })
  expect(body).toMatchObject({ results: [] })
})

it('nobody is asked about somebody of whom not all is told, and a deny applies (H44)', async () => {
  decider.answer = no
  expect((await ask('/told/a')).status).toBe(200)
  decider.asked.length = 0
  // The decider would be told of somebody without groups, and without a name.
  expect(await world.decides(about('email:alice@example.com', 'GET', `url:https://${host}/told/a`))).toBe(false)
  expect(decider.asked).toEqual([])
})
