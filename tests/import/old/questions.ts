/** Who may ask what: the questions that an old product and what was imported of it are both asked. */

export interface Asker {
  readonly name: string
  /** Absent: nobody has logged in. */
  readonly login?: string
  readonly email: string
  readonly groups: readonly string[]
  readonly mfa: boolean
  readonly department?: string
  readonly realmRoles: readonly string[]
  readonly clientRoles: Readonly<Record<string, readonly string[]>>
  /** Organisations and groups that only the interface of some provider knows. */
  readonly elsewhere: readonly string[]
  readonly address: string
}

export interface Question {
  readonly who: Asker
  readonly host: string
  readonly path: string
  readonly method: string
  /** Sent by a browser before it calls another origin. */
  readonly isPreflight: boolean
}

const nobody = { email: '', groups: [], mfa: false, realmRoles: [], clientRoles: {}, elsewhere: [] }
const outside = '203.0.113.7'
const office = '10.10.3.4'

export const askers: readonly Asker[] = [
  { ...nobody, name: 'nobody', address: outside },
  { ...nobody, name: 'nobody, in the office', address: office },
  {
    ...nobody,
    ...{ name: 'alice', login: 'alice', email: 'alice@example.com', groups: ['admins', 'users', '/admins'], mfa: true },
    ...{ department: 'support', realmRoles: ['editor'], elsewhere: ['example'], address: outside },
  },
  {
    ...nobody,
    ...{ name: 'bob', login: 'bob', email: 'bob@example.com', groups: ['dev', 'users'], address: office },
    ...{ department: 'sales', clientRoles: { wiki: ['reader'] } },
  },
  {
    ...nobody,
    ...{ name: 'carol', login: 'carol', email: 'carol@other.example', groups: ['contractors', '/staff'], mfa: true },
    ...{ department: 'design', clientRoles: { blog: ['reader'] }, address: outside },
  },
  { ...nobody, name: 'dave', login: 'dave', email: 'dave@a.sub.example', address: outside },
  {
    ...nobody,
    ...{ name: 'john', login: 'john', email: 'john@example.com', groups: ['dev', 'moderators'], mfa: true },
    address: office,
  },
]

export interface Asked {
  readonly hosts: readonly string[]
  /** Literal texts and regular expressions of paths, as the configuration has them. */
  readonly paths: readonly string[]
}

const always = ['/', '/index.html', '/app/page', '/api/v1/items', '/api/v2/public/x', '/admin', '/settings/users']
const methods = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']

/** Each path of the configuration, what is below it and beside it, and some that are always there. */
function pathsFor(texts: readonly string[]): readonly string[] {
  const literals = texts.map(text => /^\^?((?:[A-Za-z0-9/_~-]|\\[./-])*)/.exec(text)?.[1]?.replaceAll('\\', '') ?? '')
  const around = literals
    .filter(text => text.startsWith('/') && text !== '/')
    .flatMap(text => {
      const base = text.replace(/\/$/, '')
      return [base, `${base}/`, `${base}/sub/page`, `${base}x`]
    })
  return [...new Set([...always, ...around])]
}

export function questionsOf({ hosts, paths }: Asked): readonly Question[] {
  const all = pathsFor(paths)
  return askers.flatMap(who =>
    [...new Set([...hosts, 'stranger.invalid'])].flatMap(host =>
      all.flatMap(path => [
        ...methods.map(method => ({ who, host, path, method, isPreflight: false })),
        { who, host, path, method: 'OPTIONS', isPreflight: true },
      ]),
    ),
  )
}

/** An IPv4 address in a network such as 10.0.0.0/8. */
export function isIn(network: string, address: string): boolean {
  const [base = '', bits = '32'] = network.split('/')
  const numberOf = (text: string): number => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const size = 2 ** (32 - Number(bits))
  return Math.floor(numberOf(base) / size) === Math.floor(numberOf(address) / size)
}

/** A pattern as Go writes it. */
export const goPattern = (text: string): RegExp => new RegExp(text.replaceAll('(?P<', '(?<'))
