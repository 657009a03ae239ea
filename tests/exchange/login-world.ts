/** People with a command line: the service, a machine that they have logged in on, and what their token is worth. */
import { followLogin } from '../grants/world.ts'
import { answerInBrowser, createMachine, type Finished, type Machine } from '../kube-cli/machine.ts'
import type { Person } from '../provider.ts'
import { type Answer, TestBrowser, type TestServiceOptions } from '../service.ts'
import { type ExchangeWorld, startExchange } from './world.ts'

export interface LoginWorld extends ExchangeWorld {
  /** A machine on which the person has logged in, and the browser in which they did; `asked`: what the login is asked for, as `&max_age=600`. */
  readonly machineOf: (
    person: Person,
    asked?: string,
  ) => Promise<{ readonly machine: Machine; readonly browser: TestBrowser }>
  readonly endSessionsOf: (person: Person) => Promise<void>
}

export const peoplePolicy = `
p, group:corp/ops,           tokens,              /wiki.*,               create, -,     allow
p, group:corp/ops,           tokens,              /payroll.*,            create, -,     allow
p, group:corp/ops,           wiki.example.com,    /team/**,              *,      -,     allow
p, group:corp/ops,           wiki.example.com,    /keys/**,              *,      fresh, allow
p, email:alice@example.com,  wiki.example.com,    /team/of-others,       *,      -,     deny
p, authenticated,            payroll.example.com, /**,                   *,      -,     allow
p, authenticated,            idle.example.com,    /**,                   *,      -,     allow
p, group:corp/ops,           tokens,              /idle.example.com,     create, -,     allow
p, client:robots/relay,      tokens,              /payroll.example.com,  create, -,     allow
p, group:corp/ops,           tokens,              /keys.example.com,     create, fresh, allow
`
const conditions = 'fresh: { authentication-age: 10m }\n'

const hosts = [
  { host: 'wiki.example.com', bearerFrom: ['sallyport'] },
  { host: 'payroll.example.com', bearerFrom: ['sallyport'] },
  { host: 'keys.example.com', bearerFrom: ['sallyport'] },
  { host: 'idle.example.com', bearerFrom: ['sallyport'], maxIdle: '30m' },
]

export async function startLogins(options: Partial<TestServiceOptions> = {}): Promise<LoginWorld> {
  const settings = { machines: { exchange: { people: true } }, ...options.settings }
  const world = await startExchange({ policy: peoplePolicy, conditions, hosts, ...options, settings })
  const machines: Machine[] = []
  return {
    ...world,
    async machineOf(person, asked = '') {
      const machine = createMachine()
      machines.push(machine)
      const browser = new TestBrowser()
      const back = encodeURIComponent(`${world.publicUrl}/`)
      await followLogin(world, `${world.publicUrl}/login?rd=${back}${asked}`, { person, browser })
      const running = machine.begin(['login', '--server', world.publicUrl])
      await answerInBrowser(world, { browser, url: await machine.untilOpened() })
      const { code, stderr } = await running.finished
      if (code !== 0) throw new Error(`the login ended with ${code}: ${stderr}`)
      return { machine, browser }
    },
    async endSessionsOf(person) {
      const body = JSON.stringify({ subject: `${world.provider.issuer}#${person}` })
      const call = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
      const { status } = await fetch(`http://127.0.0.1:${world.adminPort}/sessions/end`, call)
      if (status !== 200) throw new Error(`the sessions were not ended: ${status}`)
    },
    close: async () => {
      for (const machine of machines) machine.close()
      await world.close()
    },
  }
}

export const askForToken = (machine: Machine, host: string, ...more: string[]): Promise<Finished> =>
  machine.begin(['token', '--host', host, '--login', ...more]).finished

export async function tokenFor(machine: Machine, host: string, ...more: string[]): Promise<string> {
  const { code, stdout, stderr } = await askForToken(machine, host, ...more)
  if (code !== 0) throw new Error(`no token: ${code} ${stderr}`)
  return stdout.trim()
}

/** Headers of an answer that say who somebody is. */
export const saidOf = ({ headers }: Answer) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('remote-')))
