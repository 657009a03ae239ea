/**
 * A header that the proxy itself sets and a rule denies by: no number of headers of a client's own pushes it out of sight.
 * The files of deploy/ with the one line that sets it.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createDemoApp } from '../../cli/demo/app.ts'
import { request } from '../../cli/demo/browser.ts'
import { type RunningProxy, startProxy } from '../../cli/demo/proxies/proxies.ts'
import { exchange } from '../../cli/doctor/probes/exchange.ts'
import { freePort, requirePeer } from '../peers.ts'
import { close, listen } from '../provider.ts'
import { startService, type TestService } from '../service.ts'

const policy = `
p, anyone, wiki.localhost, /**,      *, -,   allow
p, anyone, wiki.localhost, /deny/**, *, waf, deny
`
const conditions = 'waf: { header: { name: X-Waf-Verdict, in: [block] } }\n'

type Edit = readonly [file: string, before: string, after: string]

/** As a firewall module or a header rule of the proxy would: for the check and for the application. */
const edits: Readonly<Record<'nginx' | 'traefik' | 'caddy' | 'envoy' | 'haproxy', readonly Edit[]>> = {
  nginx: ['sallyport-ask', 'sallyport-location'].map(name => [
    `templates/${name}.conf.template`,
    'proxy_http_version 1.1;',
    'proxy_http_version 1.1;\nproxy_set_header X-Waf-Verdict block;',
  ]),
  traefik: [
    ['dynamic/sallyport.yaml', "          Forwarded: ''", "          Forwarded: ''\n          X-Waf-Verdict: block"],
  ],
  caddy: [
    [
      'sallyport.caddy',
      '	request_header -Forwarded\n',
      '	request_header -Forwarded\n	request_header X-Waf-Verdict block\n',
    ],
  ],
  envoy: [
    [
      'sallyport-drop.yaml',
      '          - remove: forwarded\n',
      `          - remove: forwarded
          - append:
              header: { key: X-Waf-Verdict, value: block }
              append_action: OVERWRITE_IF_EXISTS_OR_ADD
`,
    ],
  ],
  haproxy: [
    [
      'haproxy.cfg',
      '    http-request del-header forwarded\n',
      '    http-request del-header forwarded\n    http-request set-header X-Waf-Verdict block\n',
    ],
  ],
}

describe.each(['nginx', 'traefik', 'caddy', 'envoy', 'haproxy'] as const)('%s sets a verdict', kind => {
  describe.skipIf(requirePeer(kind) === undefined)('that a rule denies by', () => {
    let directory: string
    let service: TestService
    let application: Server
    let proxy: RunningProxy
    let url: URL

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'sallyport-verdict-'))
      cpSync(join(import.meta.dirname, '../../deploy', kind), directory, { recursive: true })
      for (const [file, before, after] of edits[kind]) {
        const text = readFileSync(join(directory, file), 'utf8')
        expect(text).toContain(before)
        writeFileSync(join(directory, file), text.replace(before, after))
      }
      service = await startService({ policy, conditions })
      application = createDemoApp({ name: 'wiki' })
      const wikiAddress = `127.0.0.1:${await listen(application)}`
      const addresses = { wikiAddress, payrollAddress: wikiAddress, providerAddress: wikiAddress }
      const port = await freePort()
      const targets = { bind: '127.0.0.1', port, authHost: 'auth.localhost', authAddress: `127.0.0.1:${service.port}` }
      proxy = await startProxy(kind, { ...targets, ...addresses }, directory)
      url = new URL(`http://wiki.localhost:${port}/`)
      await vi.waitUntil(
        () =>
          request(url.href).then(
            ({ status }) => status === 200,
            () => false,
          ),
        { timeout: 120_000 },
      )
    })
    afterAll(async () => {
      await proxy?.stop()
      await service?.close()
      await close(application)
      rmSync(directory, { recursive: true, force: true })
    })

    const ask = (path: string, headers: string) =>
      exchange(url, `GET ${path} HTTP/1.1\r\nHost: ${url.host}\r\n${headers}Connection: close\r\n\r\n`)

    it('the application receives it', async () => {
      const { status, body } = await ask('/open', '')
      expect([status, body.toLowerCase()]).toEqual([200, expect.stringContaining('["x-waf-verdict","block"]')])
    })

    it.each([0, 500, 900, 980, 1_000, 1_016, 1_023, 1_024, 1_025, 1_200, 5_000])(
      'and %i headers of a client do not lift it',
      async count => {
        for (const line of ['A', 'X-Z', 'X-Waf-Verdicu'].map(name => `${name}: \r\n`)) {
          const { status } = await ask('/deny/page', line.repeat(count))
          expect([line, [403, 431, 400].includes(status), status < 500]).toEqual([line, true, true])
          if (count < 900) expect([line, status]).toEqual([line, 403])
        }
      },
    )
  })
})
