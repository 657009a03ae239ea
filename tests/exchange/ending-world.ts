/** People with a cookie and a token of one login, over two replicas and any store: what ends the one ends the other. */
import { randomUUID } from 'node:crypto'
import { logoutToken, startLogoutWorld } from '../attacks/logout-world.ts'
import { newGrant, post, refresh } from '../grants/world.ts'
import type { Answers } from '../login/misbehaving-provider.ts'
import { type Answer, header, TestBrowser } from '../service.ts'
import { exchangeGrant, jwtType } from './world.ts'

const policy = `
p, authenticated, tokens,               /*,       create, -, allow
p, authenticated, wiki.example.com,     /**,      *,      -, allow
p, group:ops,     wiki.example.com,     /keys/**, *,      -, allow
p, group:gone,    wiki.example.com,     /**,      *,      -, deny
p, authenticated, fresh.example.com,    /**,      *,      -, allow
p, authenticated, partners.example.com, /**,      *,      -, allow
`
const hosts = [
  { host: 'wiki.example.com', bearerFrom: ['sallyport'] },
  { host: 'fresh.example.com', bearerFrom: ['sallyport'], maxAge: '2m' },
  { host: 'partners.example.com', bearerFrom: ['sallyport'], providers: ['corp'] },
]

export type EndingWorld = Awaited<ReturnType<typeof startEndings>>
export type Person = Awaited<ReturnType<EndingWorld['person']>>

export async function startEndings(store: 'lmdb' | 'redis') {
  const world = await startLogoutWorld(store, {
    policy,
    hosts,
    settings: { sessions: { verifyEvery: '60s', idle: '4m' }, machines: { exchange: { people: true } } },
  })

  const exchange = (subject: unknown, host = 'wiki.example.com') =>
    post(world, '/token', {
      grant_type: exchangeGrant,
      subject_token: String(subject),
      subject_token_type: jwtType,
      audience: host,
    })

  /** Asked of both replicas; the second one first, which has made nothing of it. */
  async function askBoth(url: string, headers: readonly (readonly [string, string])[], cookie = ''): Promise<Answer[]> {
    const question = { url, headers, ...(cookie !== '' && { cookie }) }
    return [await world.replica(1).ask('auth-request', question), await world.ask('auth-request', question)]
  }

  /** Somebody new, who has logged a browser in and a command line with it. */
  async function person(groups: readonly string[] = ['ops']) {
    const [sub, sid, refreshToken] = [randomUUID(), randomUUID(), randomUUID()]
    const said = (now: readonly string[]): Answers => ({
      claims: { sub, sid, groups: now },
      userinfo: { sub, groups: now },
      refreshToken,
    })
    const browser = new TestBrowser()
    const cookie = await world.logIn(world.odd, said(groups), { browser })
    const { body: kept } = await newGrant(world, browser)
    let grant = kept
    const tokenFor = async (host?: string): Promise<string> => {
      const { body } = await exchange(grant.access_token, host)
      if (typeof body.access_token !== 'string') throw new Error(`no token: ${JSON.stringify(body)}`)
      return body.access_token
    }
    return {
      sub,
      sid,
      subject: `${world.odd.issuer}#${sub}`,
      browser,
      cookie,
      tokenFor,
      /** What the machine keeps now. */
      account: () => String(grant.access_token),
      /** As a command line does when its token is about to end. */
      async renew(): Promise<number> {
        const { status, body } = await refresh(world, grant.refresh_token)
        if (status === 200) grant = body
        return status
      },
      byToken: (token: string, url = 'https://wiki.example.com/') =>
        askBoth(url, [['Authorization', `Bearer ${token}`]]),
      byCookie: (url = 'https://wiki.example.com/') => askBoth(url, [], cookie),
      /** What the provider says of them from now on. */
      isNow: (now: readonly string[]) => world.odd.setAnswers(said(now)),
      isClosed: () =>
        world.odd.setAnswers({
          token: response => response.writeHead(400, { 'content-type': 'application/json' }).end(closedAccount),
        }),
      logOut: (changed: Readonly<Record<string, unknown>>) =>
        logoutToken(world.odd, changed).then(token => world.send('odd', token)),
    }
  }

  async function endSessions(body: Readonly<Record<string, unknown>>): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const call = { method: 'POST', headers, body: JSON.stringify(body) }
    const { status } = await fetch(`http://127.0.0.1:${world.adminPort}/sessions/end`, call)
    if (status !== 200) throw new Error(`the sessions were not ended: ${status}`)
  }

  return { ...world, exchange, person, endSessions }
}

const closedAccount = JSON.stringify({ error: 'invalid_grant' })

export const statusesOf = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status)

export const challengesOf = (answers: readonly Answer[]): (string | undefined)[] =>
  answers.map(answer => header(answer, 'www-authenticate'))
