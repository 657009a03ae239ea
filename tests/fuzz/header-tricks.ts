/** Header lines of somebody who wants to be somebody else. `forged` stands in no line that may arrive. */
import { droppedHeaders } from '../../cli/client-headers/dropped-headers.ts'
import type { Random } from './random.ts'

const own = [
  'Remote-User',
  'Remote-Email',
  'Remote-Name',
  'Remote-Groups',
  'X-Sallyport-Assertion',
  'X-Sallyport-Cookie',
]
const forwarded = [
  'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Uri', 'X-Forwarded-Method', 'X-Forwarded-Port',
  'X-Forwarded-Prefix', 'X-Forwarded-Server', 'X-Original-URL', 'X-Original-Method', 'X-Original-URI', 'X-Rewrite-URL',
  'X-Real-IP', 'Forwarded', 'X-Sallyport-Request-Id', 'X-Sallyport-Bearer', 'X-Sallyport-Redirect', 'X-Sallyport-Reason',
] // biome-ignore format: a list to be looked over
const others = droppedHeaders.flatMap(({ names }) => names)

export const forgedNames: readonly string[] = [...own, ...forwarded, ...others]

const spellings: readonly ((name: string) => string)[] = [
  name => name,
  name => name,
  name => name.toLowerCase(),
  name => name.toUpperCase(),
  name => name.replaceAll('-', '_'),
  name => name.replace('-', '_'),
  name => name.replaceAll('-', '.'),
  name => name.replaceAll('-', '!'),
  name => name.replaceAll('-', '~'),
  name => name.replaceAll('-', "'"),
  name => name.replaceAll('-', ' '),
  name => `${name} `,
  name => `${name}\t`,
  name => ` ${name}`,
  name => `\t${name}`,
  name => `${name}\x0b`,
  name => `${name}\0`,
  name => `\xef\xbb\xbf${name}`,
  name => name.replaceAll('-', '\xad'),
  name => name.replaceAll('-', '%2d'),
]

const aliasMatter = /^(?:X-Original|X-Rewrite|Forwarded|X-Forwarded|X-Real)/

export function forgedLine(random: Random): string {
  const name = random.pick(random.pick([own, own, forwarded, others]))
  // What stands for nobody in an application's reading is no finding under another spelling.
  const spelled = random.pick(aliasMatter.test(name) ? spellings.slice(0, 4) : spellings)(name)
  const value = random.pick([
    'forged',
    'forged',
    ' forged',
    'a, forged',
    '192.0.2.7, forged',
    '"forged"',
    'http://forged.example/',
    'forged\t',
  ])
  return `${spelled}${random.pick([': ', ':', ':\t', ' : '])}${value}`
}

const connectionWords = [
  'close',
  'keep-alive',
  'Remote-User',
  'X-Sallyport-Assertion',
  'Cookie',
  'Host',
  'X-Waf-Verdict',
  'Content-Length',
  'Transfer-Encoding',
  'X-Forwarded-For',
  'Upgrade',
  '',
  '"x"',
  'TE',
  'Authorization',
]

const someLine = [
  (random: Random) => `Connection: ${random.some(connectionWords, 1, 3).join(random.pick([', ', ',', ' , ']))}`,
  (random: Random) => `Proxy-Connection: ${random.pick(connectionWords)}`,
  (random: Random) => `Keep-Alive: ${random.pick(['timeout=5', 'forged'])}`,
  (random: Random) => `TE: ${random.pick(['trailers', 'gzip'])}`,
  (random: Random) => `X-Note: a${random.pick(['\r\n ', '\r\n\t', '\n ', '\r ', '\r\n \r\n '])}Remote-User: forged`,
  (random: Random) =>
    `X-Note: a${random.pick(['\n', '\r', '\r\r\n', '\0', '\x0b', '\x85', '\n\r\n'])}Remote-User: forged`,
  (random: Random) =>
    `X-Waf-Verdict${random.pick(['', '', ' ', '\t'])}: ${random.pick(['block', 'pass', 'pass, block', 'Block', ' block ', '', 'block\t', '\x0bblock', 'pass\xa0'])}`,
  (random: Random) => `X_Waf_Verdict: ${random.pick(['pass', 'block'])}`,
  (random: Random) =>
    `Cookie: ${random.pick(['a=b', '', ';', 'a', '=b', 'a="b;c"', 'sallyport=x', 'a=b, c=d', '$Version=1', 'a=\xe4', ' ; ; '])}`,
  (random: Random) =>
    `Cookie: ${random.pick(['<<alice@wiki>>', '<<bob@wiki>>', '<<bob@payroll>>', '<<alice@payroll>>'])}`,
  (random: Random) =>
    `${random.pick(['COOKIE', 'cookie', 'cOOkie'])}: x=1; ${random.pick(['<<alice@wiki>>', '<<bob@wiki>>'])}; y=2`,
  (random: Random) =>
    `Authorization: ${random.pick(['Basic Zm9yOnk=', 'Bearer abc', 'Bearer', 'bearer a b', 'Digest x', 'Bearer a.b.c', 'Negotiate \xff'])}`,
  (random: Random) => `Range: bytes=${random.pick(['0-1', '-', '0-,0-,0-'])}`,
  (random: Random) => `Content-Type: ${random.pick(['text/plain', '', 'multipart/form-data; boundary=x'])}`,
  (random: Random) => `Origin: ${random.pick(['http://wiki.localhost:<<port>>', 'null', 'http://evil.example', ''])}`,
  (random: Random) => `Sec-Fetch-Mode: ${random.pick(['navigate', 'cors', 'websocket', 'x'])}`,
  (random: Random) => `Access-Control-Request-Method: ${random.pick(['POST', 'x y', ''])}`,
  (random: Random) => `X-Filler: ${'x'.repeat(random.pick([10, 1_000, 7_000, 15_000]))}`,
  (random: Random) => `Max-Forwards: ${random.below(3)}`,
  (random: Random) =>
    random.pick([
      ': x',
      'Nocolon',
      '',
      ' ',
      '\t',
      'X-Empty:',
      'a:b:c',
      '\x01: x',
      'X\xe4: y',
      '"X": y',
      'X Y: z',
      '@: x',
    ]),
] as const satisfies readonly ((random: Random) => string)[]

export const oddLine = (random: Random): string => random.pick(someLine)(random)

/** For many lines at once. */
export const manyLines = (random: Random): string[] =>
  Array.from({ length: random.pick([60, 99, 105, 300, 1_005]) }, (_, index) => `X-Filler-${index}: a`)

const handshake = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
const protocols = [
  'websocket',
  'WebSocket',
  'h2c',
  'h2c, websocket',
  'websocket, h2c',
  'websocket,',
  '"websocket"',
  'TLS/1.0',
  '',
  'websockets',
  'connect-udp',
  '\twebsocket',
  'websocket/13',
]

export const upgradeLines = (random: Random): string[] => [
  `Connection: ${random.pick(['Upgrade', 'upgrade', 'keep-alive, Upgrade', 'Upgrade, HTTP2-Settings', 'close, upgrade', 'Upgrade, Sec-WebSocket-Key'])}`,
  `Upgrade: ${random.pick(protocols)}`,
  ...(random.once(4) ? [`Upgrade: ${random.pick(protocols)}`] : []),
  ...(random.once(3) ? [] : handshake),
  ...(random.once(4) ? ['HTTP2-Settings: AAMAAABkAAQAAP__'] : []),
]
