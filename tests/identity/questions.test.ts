/** How many questions an issuer is asked, whose come first, and what holds whom back. */
import { describe, expect, it } from 'vitest'
import { OperationalError } from '../../app/errors.ts'
import { faultOf, IssuerFault } from '../../app/identity/token/issuer-fault.ts'
import {
  createQuestions,
  mostAtOnce,
  mostPerSecond,
  mostWaiting,
  type Standing,
  silenceMs,
} from '../../app/identity/token/questions.ts'
import { TokenRefused } from '../../app/identity/token/refusal.ts'
import { refusedForMs, rememberRefusals } from '../../app/identity/token/refused-tokens.ts'

const yes = async () => 'yes'
const never = () => new Promise<string>(() => undefined)
const failing = (cause?: Error) => async () => {
  throw new OperationalError('ERR_ISSUER_UNAVAILABLE', 'it failed', { cause })
}
const resultOf = (asking: Promise<string>) => asking.catch((error: OperationalError) => error.code)
const refused = 'ERR_ISSUER_UNAVAILABLE'

function issuer(waitMs = 60_000) {
  let ms = 0
  let count = 0
  const { ask } = createQuestions<string>({ name: 'corp', now: () => ms, waitMs })
  return {
    ask: (standing: Standing, question = yes) => resultOf(ask(`token ${++count}`, standing, question)),
    move: (by: number) => {
      ms += by
    },
  }
}

describe('questions to an issuer', () => {
  it('J71 of strangers take no room of what is signed, nor that of what was good', async () => {
    const { ask } = issuer()
    for (let count = 0; count < mostPerSecond + 10; count += 1) void ask('stranger', never)
    expect(await ask('stranger')).toBe(refused)
    for (const standing of ['signed', 'good'] as const) {
      for (let count = 0; count < 2 * mostPerSecond; count += 1) expect(await ask(standing)).toBe('yes')
    }
    for (let count = 0; count < mostAtOnce; count += 1) void ask('signed', never)
    expect(await ask('good')).toBe('yes')
  })

  it.each(['signed', 'good'] as const)(
    'of forty at once that are %s wait in turn, and all are answered',
    async kind => {
      const { ask } = issuer()
      let most = 0
      let underWay = 0
      const question = async () => {
        underWay += 1
        most = Math.max(most, underWay)
        await new Promise(setImmediate)
        underWay -= 1
        return 'yes'
      }
      const results = await Promise.all(Array.from({ length: 40 }, () => ask(kind, question)))
      expect(new Set(results)).toEqual(new Set(['yes']))
      expect(most).toBe(mostAtOnce)
    },
  )

  it('wait behind so many and no more, and not for long', async () => {
    const long = issuer()
    for (let count = 0; count < mostAtOnce + mostWaiting; count += 1) void long.ask('signed', never)
    expect(await long.ask('signed')).toBe(refused)
    const short = issuer(1)
    for (let count = 0; count < mostAtOnce; count += 1) void short.ask('good', never)
    expect(await short.ask('good')).toBe(refused)
  })

  it('whose wait has ended leave their place to others', async () => {
    const { ask } = issuer(1)
    let end: (text: string) => void = () => undefined
    const held = new Promise<string>(resolve => {
      end = resolve
    })
    const first = Array.from({ length: mostAtOnce }, () => ask('signed', () => held))
    expect(await ask('signed')).toBe(refused)
    end('yes')
    await Promise.all(first)
    const again = Array.from({ length: mostAtOnce }, () => ask('signed'))
    expect(new Set(await Promise.all(again))).toEqual(new Set(['yes']))
  })

  it.each([400, 401, 403, 404, 302])('J72 that are answered with %i hold nobody else back', async status => {
    const { ask } = issuer()
    for (const standing of ['stranger', 'signed', 'good'] as const) {
      expect(await ask(standing, failing(new IssuerFault(status)))).toBe(refused)
      expect(await ask('stranger')).toBe('yes')
      expect(await ask('signed')).toBe('yes')
    }
    expect(await ask('stranger', failing())).toBe(refused)
    expect(await ask('stranger')).toBe('yes')
  })

  it.each([
    ['silence', faultOf(new Error('no way there'))],
    ['500', new IssuerFault(500)],
    ['503', new IssuerFault(503)],
    ['another error', new Error('what was that')],
  ])('J72 that end in %s hold those back for a second who are known no better', async (_what, cause) => {
    const of = async (standing: Standing) => {
      const { ask, move } = issuer()
      await ask(standing, failing(cause))
      const during = [await ask('stranger'), await ask('signed'), await ask('good')]
      move(silenceMs)
      return [during, await ask('stranger'), await ask('signed')]
    }
    expect(await of('stranger')).toEqual([[refused, 'yes', 'yes'], 'yes', 'yes'])
    expect(await of('signed')).toEqual([[refused, refused, 'yes'], 'yes', 'yes'])
    expect(await of('good')).toEqual([[refused, refused, 'yes'], 'yes', 'yes'])
  })

  it('that waited while the issuer fell silent are not asked any more', async () => {
    const { ask } = issuer()
    let fail: (error: Error) => void = () => undefined
    const held = new Promise<string>((_resolve, reject) => {
      fail = reject
    })
    const first = Array.from({ length: mostAtOnce }, () => ask('signed', () => held))
    let asked = 0
    const waiting = ask('signed', async () => String(++asked))
    fail(new OperationalError('ERR_ISSUER_UNAVAILABLE', 'it failed', { cause: new IssuerFault(500) }))
    expect(new Set(await Promise.all([...first, waiting]))).toEqual(new Set([refused]))
    expect(asked).toBe(0)
  })
})

describe('a token that was refused', () => {
  it('J73 is asked about once in some seconds, for each audience', async () => {
    let ms = 0
    let isGood = false
    const asked: string[] = []
    const inquiry = rememberRefusals(
      {
        countsForMs: 1,
        confirm: async ({ token }) => {
          asked.push(token)
          if (!isGood) throw new TokenRefused('inactive')
        },
      },
      () => ms,
    )
    const confirm = (token: string, audience = 'sallyport') =>
      Promise.resolve(inquiry.confirm?.({ token, audience, wasGood: false }, {})).then(
        () => 'good',
        (error: TokenRefused) => error.reason,
      )
    for (let count = 0; count < 70; count += 1) expect(await confirm('gone')).toBe('inactive')
    expect(asked).toEqual(['gone'])
    expect(await confirm('gone', 'shop')).toBe('inactive')
    isGood = true
    expect(await confirm('other')).toBe('good')
    expect(await confirm('gone')).toBe('inactive')
    ms += refusedForMs
    expect(await confirm('gone')).toBe('good')
    // What is good is never remembered here.
    isGood = false
    expect(await confirm('other')).toBe('inactive')
  })

  it('J73 is not remembered when it could not be asked about, or when nobody had to sign it', async () => {
    let asked = 0
    const question = async (): Promise<never> => {
      asked += 1
      throw asked === 1 ? new OperationalError('ERR_ISSUER_UNAVAILABLE', 'it failed') : new TokenRefused('inactive')
    }
    const { confirm, describe: read } = rememberRefusals({ countsForMs: 1, confirm: question, describe: question })
    const token = { token: 'gone', audience: 'sallyport', wasGood: false }
    await expect(confirm?.(token, {})).rejects.toThrow('it failed')
    for (let count = 0; count < 3; count += 1) await expect(read?.(token)).rejects.toThrow(TokenRefused)
    expect(asked).toBe(4)
  })
})

describe('what is kept of an error', () => {
  it.each([
    [new TypeError('secret', { cause: Object.assign(new Error('secret'), { code: 'ECONNREFUSED' }) }), undefined],
    [Object.assign(new Error('secret', { cause: { code: 'secret' } }), { code: 'OAUTH_RESPONSE_BODY_ERROR' }), 400],
    [Object.assign(new Error('secret'), { code: 'secret of mine' }), 200],
    ['secret', 500],
  ])('J74 is its code and the status alone', (error, status) => {
    const fault = faultOf(error, status)
    expect(`${fault.stack} ${JSON.stringify(fault)}`).not.toContain('secret')
    expect(fault.cause).toBeUndefined()
  })
})
