/** The login with a code, while the auth host is busy, down, or slow (RFC 8628 section 3.5). */
import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import { logInWithCode } from '../../cli/kube/device-login.ts'
import {
  BusyError,
  createGrantClient,
  type GrantClient,
  RefusedError,
  SilentError,
  type TokenAnswer,
} from '../../cli/kube/grant-client.ts'
import { close, listen } from '../provider.ts'

const tokens: TokenAnswer = { accessToken: 'a', refreshToken: 'r', expiresInSeconds: 300 }
const pending = new RefusedError('authorization_pending', 'nobody has answered yet')

function login(...answers: readonly (TokenAnswer | Error)[]) {
  let [now, asked] = [0, 0]
  const waits: number[] = []
  const device = {
    deviceCode: 'd',
    userCode: 'u',
    page: 'p',
    completePage: 'c',
    expiresInSeconds: 60,
    intervalSeconds: 5,
  }
  const client = {
    device: async () => device,
    async token() {
      const answer = answers[Math.min(asked, answers.length - 1)]
      asked += 1
      if (answer === undefined || answer instanceof Error) throw answer
      return answer
    },
  } as unknown as GrantClient
  const wait = async (seconds: number) => {
    waits.push(seconds)
    now += seconds * 1000
  }
  return { waits, done: logInWithCode({ client, show: () => undefined, wait, now: () => now }) }
}

describe('a login with a code', () => {
  it('waits and goes on while it is told to come later, or nobody answers', async () => {
    const { done, waits } = login(
      pending,
      new BusyError('too many requests', 17),
      new BusyError('down', undefined),
      pending,
      tokens,
    )
    expect(await done).toBe(tokens)
    expect(waits).toEqual([5, 5, 17, 15, 15])
    const silent = login(new SilentError('no answer'), tokens)
    expect(await silent.done).toBe(tokens)
    expect(silent.waits).toEqual([5, 10])
  })

  it.each([
    ['while nobody answers', new SilentError('no answer')],
    ['that is told to wait for longer than that', new BusyError('down', 3_600)],
    ['that nobody allows', pending],
  ])('ends with the code %s', async (_, answer) => {
    const { done, waits } = login(answer)
    await expect(done).rejects.toThrow('the code has expired: run sallyport kube login again')
    expect(waits.reduce((sum, seconds) => sum + seconds, 0)).toBeLessThanOrEqual(60)
  })

  it('ends at once where the answer is no', async () => {
    const { done, waits } = login(pending, new RefusedError('access_denied', 'it was denied in the browser'), tokens)
    await expect(done).rejects.toThrow('denied in the browser')
    expect(waits).toEqual([5, 5])
  })
})

it.each([
  [429, '7', '{"error":"temporarily_unavailable","error_description":"too often"}', 7, 'too often'],
  [503, undefined, '<html>', undefined, 'answered 503'],
  [502, 'soon', '', undefined, 'answered 502'],
])('an answer of %i says when to come again (%s)', async (status, header, body, seconds, text) => {
  const server = createServer((_request, response) => {
    response.writeHead(status, header === undefined ? {} : { 'retry-after': header }).end(body)
  })
  const client = createGrantClient(`http://127.0.0.1:${await listen(server)}`, undefined)
  try {
    const error: unknown = await client.token({ grant_type: 'x' }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(BusyError)
    expect(error).toMatchObject({ retryAfterSeconds: seconds, message: expect.stringContaining(text) })
  } finally {
    await client.close()
    await close(server)
  }
})
