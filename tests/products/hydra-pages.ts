/**
 * What an operator of Hydra writes himself, and what it needs on a machine that does not know `.localhost`: the pages for
 * login, consent and log-out, the hook that is asked at each refresh, and a proxy that carries Hydra's log-out tokens.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Person } from '../provider.ts'
import { passwordOf } from './product.ts'

interface Account {
  readonly groups: Set<string>
  readonly sessions: Set<string>
  isDisabled: boolean
}

type Members = Readonly<Record<string, unknown>>

/** @param admin address of Hydra's administration */
export async function startPages(admin: string) {
  const account = (...groups: string[]): Account => ({
    groups: new Set(groups),
    sessions: new Set(),
    isDisabled: false,
  })
  const accounts = new Map<string, Account>([
    ['alice', account('ops')],
    ['bob', account('contractors')],
    ['carol', account()],
  ])
  const accountOf = (person: string): Account => {
    const found = accounts.get(person)
    if (found === undefined) throw new Error(`there is no account of ${person}`)
    return found
  }
  const claimsOf = (person: string): Members => ({
    name: `${person[0]?.toUpperCase()}${person.slice(1)} Example`,
    email: `${person}@example.com`,
    email_verified: true,
    groups: [...accountOf(person).groups],
  })
  const ask = async (method: string, path: string, body?: unknown): Promise<Members> => {
    const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const response = await fetch(`${admin}/oauth2/auth/requests/${path}`, { method, ...(body !== undefined && json) })
    if (!response.ok)
      throw new Error(`${method} ${path} was answered with ${response.status}: ${await response.text()}`)
    return (await response.json()) as Members
  }
  const accept = async (response: ServerResponse, kind: string, challenge: string, body: Members): Promise<void> => {
    const { redirect_to: location } = await ask('PUT', `${kind}/accept?${kind}_challenge=${challenge}`, body)
    response.writeHead(302, { location: String(location) }).end()
  }

  async function login(incoming: IncomingMessage, response: ServerResponse, challenge: string): Promise<void> {
    const asked = await ask('GET', `login?login_challenge=${challenge}`)
    const form = new URLSearchParams(incoming.method === 'POST' ? await text(incoming) : '')
    const person = asked.skip === true ? String(asked.subject) : (form.get('username') ?? '')
    const isKnown = asked.skip === true || form.get('password') === passwordOf(person as Person)
    if (!accounts.has(person) || !isKnown || accountOf(person).isDisabled) return showForm(response)
    accountOf(person).sessions.add(String(asked.session_id))
    await accept(response, 'login', challenge, { subject: person, remember: true, remember_for: 3600 })
  }

  async function consent(response: ServerResponse, challenge: string): Promise<void> {
    const asked = await ask('GET', `consent?consent_challenge=${challenge}`)
    await accept(response, 'consent', challenge, {
      grant_scope: asked.requested_scope,
      session: { id_token: claimsOf(String(asked.subject)) },
    })
  }

  async function hook(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { subject } = JSON.parse(await text(incoming)) as { readonly subject: string }
    if (accountOf(subject).isDisabled) return void response.writeHead(403).end()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ session: { id_token: claimsOf(subject) } }))
  }

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = new URL(incoming.url ?? '', 'http://accounts.localhost')
    const challenge = (kind: string): string => encodeURIComponent(address.searchParams.get(`${kind}_challenge`) ?? '')
    if (address.hostname !== 'accounts.localhost') return carry(incoming, response, address)
    if (address.pathname === '/login') return login(incoming, response, challenge('login'))
    if (address.pathname === '/consent') return consent(response, challenge('consent'))
    if (address.pathname === '/logout') return accept(response, 'logout', challenge('logout'), {})
    if (address.pathname === '/refresh-hook') return hook(incoming, response)
    response.writeHead(404).end()
  }

  const server = createServer((incoming, response) => {
    answer(incoming, response).catch(error => response.writeHead(500).end(String(error)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://accounts.localhost:${port}`,
    proxy: `http://127.0.0.1:${port}`,
    joinGroup: (person: Person, group: string) => void accountOf(person).groups.add(group),
    leaveGroup: (person: Person, group: string) => void accountOf(person).groups.delete(group),
    disable: (person: Person) => {
      accountOf(person).isDisabled = true
    },
    sessionsOf: (person: Person): readonly string[] => [...accountOf(person).sessions],
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function showForm(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/html' })
  response.end('<form method="post"><input name="username"><input name="password" type="password"></form>')
}

/** To where the request is going, on loopback. */
export function carry(
  incoming: IncomingMessage,
  response: ServerResponse,
  { port, pathname, search, host }: URL,
): void {
  const { method = 'GET', headers } = incoming
  const onward = request({ host: '127.0.0.1', port, method, path: pathname + search, headers: { ...headers, host } })
  onward.once('response', answer => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  onward.once('error', () => response.destroy())
  incoming.pipe(onward)
}
