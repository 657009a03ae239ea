/** The request that every case gets: a browser's sixteen headers, and those that its proxy writes. */

export interface RequestFacts {
  readonly host: string
  readonly path: string
  readonly cookie: string
}

/** In the place of it the load generator writes a number, another one into each request. */
export const ownNumber = '########'

export const wikiHost = 'wiki.example.com'

/** The bytes of one keep-alive request to `target` about `https://<host><path>`. */
export function browserRequest(target: string, facts: RequestFacts): string {
  const lines = browserHeaders(facts).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** The same as Envoy asks about it over HTTP: below `prefix`, with what it writes itself. */
export function envoyRequest(prefix: string, facts: RequestFacts): string {
  const own = [
    ['Content-Length', '0'],
    ['X-Forwarded-For', '192.0.2.7'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Request-Id', '3f1a8a4e-4d54-4c2c-9b50-4f0c0d6ad3b1'],
    ['X-Envoy-Internal', 'true'],
    ['X-Envoy-Expected-Rq-Timeout-Ms', '5000'],
  ] as const
  const browser = browserHeaders(facts).filter(([name]) => name !== 'Connection' && !name.startsWith('X-Forwarded-'))
  const lines = [...browser, ...own].map(([name, value]) => `${name.toLowerCase()}: ${value}\r\n`)
  return `GET ${prefix}${facts.path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

export function browserHeaders({ host, path, cookie }: RequestFacts): [name: string, value: string][] {
  return [
    ['Host', host],
    ['Connection', 'keep-alive'],
    ['Cache-Control', 'max-age=0'],
    ['sec-ch-ua', '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"'],
    ['sec-ch-ua-mobile', '?0'],
    ['sec-ch-ua-platform', '"Linux"'],
    ['Upgrade-Insecure-Requests', '1'],
    [
      'User-Agent',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    ],
    ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'],
    ['Sec-Fetch-Site', 'same-origin'],
    ['Sec-Fetch-Mode', 'navigate'],
    ['Sec-Fetch-User', '?1'],
    ['Sec-Fetch-Dest', 'document'],
    ['Accept-Encoding', 'gzip, deflate, br, zstd'],
    ['Accept-Language', 'en-GB,en;q=0.9,de;q=0.8'],
    ['Cookie', `theme=dark; ${cookie}`],
    ['X-Forwarded-For', '192.0.2.7'],
    ['X-Forwarded-Method', 'GET'],
    ['X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Host', host],
    ['X-Forwarded-Uri', path],
  ]
}
