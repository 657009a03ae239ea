/** Lines of docs/machines.md that keep tokens from the application, put into a copy of the files of deploy/. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const proxyKinds = ['nginx', 'traefik', 'caddy', 'envoy', 'envoy-grpc', 'haproxy'] as const

/** What the page says for each proxy; NGINX and Envoy need nothing. */
export const dropTokens: Readonly<Record<(typeof proxyKinds)[number], (directory: string) => void>> = {
  nginx: () => undefined,
  envoy: () => undefined,
  'envoy-grpc': () => undefined,
  traefik: directory => {
    change(join(directory, 'dynamic/sites.yaml'), [
      [
        'rule: Host(`wiki.localhost`)\n      middlewares: [sallyport]',
        'rule: Host(`wiki.localhost`)\n      middlewares: [sallyport, drop-token]',
      ],
      [
        'http:\n',
        "http:\n  middlewares:\n    drop-token: { headers: { customRequestHeaders: { Authorization: '' } } }\n",
      ],
    ])
  },
  haproxy: directory => {
    change(join(directory, 'haproxy.cfg'), [
      [
        '    use_backend wiki if',
        '    http-request del-header authorization if { var(txn.site) -m str wiki.localhost }\n    use_backend wiki if',
      ],
    ])
  },
  caddy: directory => {
    change(join(directory, 'sites.caddy'), [
      ['import sallyport\n', 'import sallyport\n\t\trequest_header -Authorization\n'],
    ])
  },
}

function change(file: string, edits: readonly (readonly [string, string])[]): void {
  let text = readFileSync(file, 'utf8')
  for (const [from, to] of edits) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
    text = text.replace(from, () => to)
  }
  writeFileSync(file, text)
}
