/** Targets and hosts: forms, spellings and odd bytes. What is plain is likeliest, for what is refused compares nothing. */
import type { Random } from './random.ts'

const words = ['a', 'public', 'checked', 'deny', 'B', 'page.html', 'x-y_z', '~me', '1']
const dots = [
  '.',
  '..',
  '...',
  '%2e',
  '%2E%2E',
  '.%2e',
  '%252e%252e',
  '..;',
  '..%2f',
  '%2e%2e%5c',
  '..%00',
  '.\\..',
  '..%c0%af',
  '..\\',
]
const escapes = [
  '%41', '%7e', '%2d', '%c3%a4', '%C3%A4', '%e4', '%C0%AE', '%ed%a0%80', '%25', '%252f', '%2561', '%2f', '%2F', '%5c',
  '%3b', '%3B', '%3f', '%23', '%00', '%0a', '%0d%0aX:%20y', '%20', '%09', '%7f', '%zz', '%', '%4', '%u0041', '%E2%80%AE',
] // biome-ignore format: a list to be looked over
const oddities = [
  'a;b', ';', 'a;jsessionid=1', '\\', 'a\\b', ' ', '\t', '"', '<x>', '{a}', '|', '^', '`', "'", '(', '!', ',', '@', ':', '*',
  '$', '+', '&', '=', '[1]', '\xe4', '\xc3\xa4', '\xff', '\x01', '\x7f', '\x0b', '\x85', '\xa0', 'a#b', '#',
] // biome-ignore format: a list to be looked over

const queries = [
  '?', '?q=1', '?q=<<m>>', '?a=/../b', '??', '?a?b', '?%', '?%zz', '?x=%2e%2E', '?a=%41', '?a;b', '?a b', '?\xe4', '?a#b', '#',
  '#a', '?a=\\', '?rd=http://evil.example/', '?a="<>', "?'", '?a=1&a=2', '?a=%00', '?+', '?{}|^`',
] // biome-ignore format: a list to be looked over

const beginnings = [
  '//', '///', '/./', '/../', '/x/../', '/%2e/', '/%2e%2e/', '\\', '/\\', '/%5c', '//evil.example/', '//wiki.localhost/',
  '/.sallyport/', '/.sallyport/../', '/.sallyport/%2e%2e/', '/.sallyport/verify/../', '/verify/', '/verify/forward-auth/', '/;/', '/%2f', '',
] // biome-ignore format: a list to be looked over

const hostSpellings = [
  'WIKI.localhost', 'wiki.LOCALHOST:<<port>>', 'wiki.localhost.', 'wiki.localhost.:<<port>>', 'wiki.localhost:', 'wiki.localhost:80',
  'wiki.localhost:0', 'wiki.localhost:99999', 'wiki.localhost:8a', 'wiki.localhost:+80', 'wiki.localhost:080', ' wiki.localhost', 'wiki.localhost ',
  'wiki.localhost\t', 'payroll.localhost', 'payroll.localhost:<<port>>', 'wiki.localhost,payroll.localhost', 'wiki.localhost/payroll',
  'payroll.localhost@wiki.localhost', 'wiki.localhost@payroll.localhost', 'wiki.localhost#payroll.localhost', 'wiki.localhost?x', 'wiki.localhost\\x',
  'wiki_localhost', 'wiki..localhost', '.wiki.localhost', '-wiki.localhost', 'wiki.localhost\x00', 'w\xefki.localhost', '%77iki.localhost',
  '127.0.0.1', '[::1]', '[wiki.localhost]', '', 'unknown.localhost', 'auth.localhost:<<port>>', 'http://wiki.localhost', 'wiki.localhost:<<port>>:80',
] // biome-ignore format: a list to be looked over

export const plainHost = (random: Random): string =>
  random.once(6) ? 'payroll.localhost:<<port>>' : random.once(8) ? 'wiki.localhost' : 'wiki.localhost:<<port>>'

export const oddHost = (random: Random): string => random.pick(hostSpellings)

export function plainTarget(random: Random): string[] {
  const path = random.some(words, 0, 3).map(word => `/${word}`)
  return [
    '/<<m>>',
    ...path,
    ...(random.once(5) ? ['/'] : []),
    ...(random.once(3) ? [random.pick(queries.slice(0, 5))] : []),
  ]
}

/** Most of it still a path that begins with the mark. */
export function oddTarget(random: Random): string[] {
  const kind = random.below(20)
  if (kind === 0)
    return [random.pick(['*', '<<m>>', 'wiki.localhost:<<port>>', 'mailto:<<m>>', '', 'wiki.localhost:443/<<m>>'])]
  if (kind <= 2) return [absolute(random), ...plainTarget(random)]
  if (kind === 3)
    return [
      '/<<m>>/',
      random.pick(['x', '%41', 'a/', '../', '\xc3\xa4']).repeat(random.pick([300, 2_000, 4_100, 9_000])),
    ]
  const begin = random.once(6) ? [random.pick(beginnings), '<<m>>'] : ['/<<m>>']
  const part = (): string => {
    const odd = random.pick(random.pick([words, dots, escapes, oddities]))
    const around = random.below(6)
    return `${random.once(12) ? '//' : '/'}${around === 0 ? 'a' : ''}${odd}${around === 1 ? 'b' : ''}`
  }
  const path = Array.from({ length: random.once(3) ? 2 : 1 }, part)
  const [plain, query] = [
    random.once(3) ? [`/${random.pick(words)}`] : [],
    random.once(3) ? [random.pick(queries)] : [],
  ]
  return [...begin, ...path, ...plain, ...query]
}

const absolute = (random: Random): string =>
  random.pick(['http://', 'http://', 'HTTP://', 'https://', 'ftp://', 'http:', 'http:///', '://', 'ws://']) +
  random.pick([
    'wiki.localhost:<<port>>',
    'wiki.localhost',
    'payroll.localhost',
    'payroll.localhost:<<port>>',
    'a@wiki.localhost',
    'evil.example',
    '',
  ])
