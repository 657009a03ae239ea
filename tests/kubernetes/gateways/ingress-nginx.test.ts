/**
 * The lines of NGINX that `proxy-config ingress-nginx` puts into the controller's ConfigMap, in the real NGINX: in servers like
 * those that the controller makes of the printed annotations. The controller itself is not run.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBrowser, navigation, request } from '../../../cli/demo/browser.ts'
import { freePort } from '../../../cli/demo/ports.ts'
import type { ProxyTargets } from '../../../cli/demo/proxies/proxy-targets.ts'
import { type Stack, startStack } from '../../../cli/demo/stack.ts'
import { requirePeer } from '../../peers.ts'
import { policyDirectory } from '../../proxies/suite.ts'
import { createWorld, type World } from '../../proxies/world.ts'
import { objectsIn, type PrintingWorld, printingWorld } from './printed.ts'

const annotation = (name: string): string => `nginx.ingress.kubernetes.io/${name}`

describe.skipIf(requirePeer('nginx') === undefined)('NGINX, with the lines for ingress-nginx', () => {
  let stack: Stack
  let world: World
  let printing: PrintingWorld | undefined
  beforeAll(async () => {
    stack = await startStack({ proxy: 'nginx', port: await freePort(), policyDirectory, proxyFiles: filesOf })
    world = await createWorld(stack)
  })
  afterAll(async () => {
    await stack?.stop()
    printing?.remove()
  })

  async function filesOf(targets: ProxyTargets): Promise<string> {
    printing = printingWorld('', `http://${targets.authHost}:${targets.port}`)
    const hosts = ['wiki', 'payroll'].flatMap(name => ['--host', `${name}.localhost=${name}.apps:80`])
    const { files, folder } = await printing.print('ingress-nginx', ...hosts, '--sallyport', 'sallyport.sallyport:80')
    mkdirSync(join(folder, 'templates'))
    writeFileSync(
      join(folder, 'templates', 'nginx.conf.template'),
      configurationOf(files['sallyport.yaml'] ?? '', targets),
    )
    return folder
  }

  it('sends people to the login with what binds it to their browser, and scripts get 401', async () => {
    const page = await createBrowser().open(world.url('wiki', '/a?b=c'))
    expect(page.status).toBe(302)
    expect(page.headers.location).toMatch(/\/login\?rd=[^&]*%2Fa%3Fb%3Dc&handoff=[\w-]+$/)
    expect(page.headers['set-cookie']).toHaveLength(1)
    const script = await world.fetch(world.url('wiki', '/'))
    expect([script.status, script.headers.location]).toEqual([401, undefined])
  })

  it('lets in who has logged in, and says who it is in the place of what they say', async () => {
    const { headers } = await world.echo(world.alice, world.url('wiki', '/'), {
      headers: {
        'remote-user': 'mallory',
        'x-webauth-user': 'admin',
        'x-forwarded-user': 'admin',
        'remote-groups': 'root',
      },
    })
    const said = headers.filter(([name]) => /^(?:remote-|x-webauth|x-forwarded-user)/i.test(name))
    expect(JSON.stringify(said)).not.toMatch(/mallory|admin|root/)
    expect(JSON.stringify(said)).toContain('alice')
  })

  it('a form that needs a login is met with a page that says so, and nothing of it goes to Sallyport', async () => {
    const headers = {
      ...navigation,
      'content-type': 'application/x-www-form-urlencoded',
      referer: world.url('wiki', '/edit'),
    }
    const typed = `text=${'typed'.repeat(20_000)}`
    const page = await createBrowser().open(world.url('wiki', '/save'), { method: 'POST', body: typed, headers })
    expect([page.status, page.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8'])
    expect(page.body).toContain('Your form was not passed on')
    expect(page.body).toContain(`POST ${world.url('wiki', '/save')}`)
    const [, link = ''] = /href="([^"]*\/login\?[^"]*)"/.exec(page.body) ?? []
    const login = new URL(link.replaceAll('&amp;', '&'))
    expect(login.searchParams.get('rd')).toBe(world.url('wiki', '/edit'))
    // What binds the login to this browser came with it.
    expect(login.searchParams.get('handoff') === null).toBe(page.headers['set-cookie'] === undefined)
    expect(page.headers['x-sallyport-request-id']).toMatch(/^[\w-]+$/)
    const script = await world.fetch(world.url('wiki', '/save'), { method: 'POST', body: typed })
    expect([script.status, script.body.includes('Your form')]).toEqual([401, false])
    // Nobody asks for the page by itself.
    expect(
      (await createBrowser().open(world.url('wiki', '/.sallyport/form'), { headers: navigation })).status,
    ).not.toBe(401)
  })

  it('refuses who may not', async () => {
    const page = await world.bob.visit(world.url('payroll', '/'))
    expect([page.status, page.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8'])
    expect(page.body).toContain('You may not open this')
    expect(page.body).toContain('bob@example.com')
    expect(page.body).toContain(page.headers['x-sallyport-request-id'])
  })

  it('does not serve one host while it asks about another', async () => {
    const host = `wiki.localhost:${stack.port}`
    const other = await world.raw(
      `GET http://payroll.localhost/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    )
    expect(other).toMatch(/^HTTP\/1\.1 400 /)
    const same = await world.raw(
      `GET http://${host}/ HTTP/1.1\r\nHost: ${host.toUpperCase()}\r\nConnection: close\r\n\r\n`,
    )
    expect(same).toMatch(/^HTTP\/1\.1 (?:401|302) /)
  })

  it('switches to no other protocol than a WebSocket', async () => {
    const ask = (upgrade: string) =>
      world.rawAnswer(
        `GET / HTTP/1.1\r\nHost: wiki.localhost:${stack.port}\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\n`,
      )
    expect(await ask('h2c')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await ask('websocket, h2c')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await ask('WebSocket')).not.toMatch(/^HTTP\/1\.1 (?:400|101) /)
  })

  it('keeps the check from browsers', async () => {
    expect((await request(world.url('auth', '/verify/auth-request'))).status).toBe(503)
  })

  it('lets nobody through without Sallyport', async () => {
    await stack.sallyport.stop()
    for (const browser of [world.alice, createBrowser()])
      expect((await browser.open(world.url('wiki', '/'))).status).toBe(500)
  })
})

/** A server for each Ingress, with the lines of the ConfigMap where the controller's template has them. */
function configurationOf(text: string, targets: ProxyTargets): string {
  const objects = objectsIn(text)
  const snippets = (objects.find(({ kind }) => kind === 'ConfigMap') as { data?: Record<string, string> } | undefined)
    ?.data
  const { 'http-snippet': http, 'server-snippet': server, 'location-snippet': location } = snippets ?? {}
  const listen = `listen ${targets.bind}:${targets.port};`
  const addresses: Readonly<Record<string, string>> = {
    wiki: targets.wikiAddress,
    payroll: targets.payrollAddress,
    sallyport: targets.authAddress,
  }
  const rules = objects
    .filter(({ kind }) => kind === 'Ingress')
    .map(({ metadata, spec }) => {
      const { annotations = {} } = metadata as { annotations?: Record<string, string> }
      const [{ host, http: rule }] = spec.rules as [IngressRule]
      const asks = authLines(annotations, targets)
      const places = rule.paths.map(({ path, backend }) => {
        const address = addresses[backend.service.name]
        // There is no such Service.
        const then = address === undefined ? 'return 503;' : `proxy_pass http://${address};`
        return `location ${path} {\n${asks.location}\n${proxied}\n${location}\n${then}\n}`
      })
      return { host, lines: [asks.server, ...places].join('\n') }
    })
  // Several Ingresses of one host are one server.
  const servers = [...new Set(rules.map(({ host }) => host))].map(host => {
    const own = rules.filter(rule => rule.host === host).map(({ lines }) => lines)
    return `server {\n${listen}\nserver_name ${host};\n${server}\n${own.join('\n')}\n}`
  })
  const provider = `server { ${listen} server_name idp.localhost; location / { ${proxied} proxy_pass http://${targets.providerAddress}; } }`
  return `events {}
error_log stderr warn;
pid nginx.pid;
http {
  access_log off;
  proxy_headers_hash_max_size 1024;
  underscores_in_headers off;
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  ${http}
  ${servers.join('\n').replaceAll('http://sallyport.sallyport.svc.cluster.local:80', `http://${targets.authAddress}`)}
  ${provider}
  server { listen ${targets.bind}:${targets.port} default_server; return 444; }
}
`
}

interface IngressRule {
  readonly host: string
  readonly http: {
    readonly paths: readonly {
      readonly path: string
      readonly backend: { readonly service: { readonly name: string } }
    }[]
  }
}

const proxied = `
proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Proto $scheme;`

/** What the controller makes of auth-url and auth-response-headers. */
function authLines(annotations: Readonly<Record<string, string>>, { authAddress }: ProxyTargets) {
  const url = annotations[annotation('auth-url')]
  if (url === undefined) return { server: '', location: '' }
  const names = (annotations[annotation('auth-response-headers')] ?? '').split(',')
  const given = names.map(
    (name, index) =>
      `auth_request_set $authHeader${index} $upstream_http_${name.replaceAll('-', '_')};\nproxy_set_header ${name} $authHeader${index};`,
  )
  return {
    server: `location = /_external-auth {
  internal;
  proxy_pass_request_body off;
  proxy_set_header Content-Length "";
  proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
  proxy_set_header X-Original-Method $request_method;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_pass http://${authAddress}${new URL(url).pathname};
}`,
    location: `auth_request /_external-auth;
auth_request_set $auth_cookie $upstream_http_set_cookie;
add_header Set-Cookie $auth_cookie;
${given.join('\n')}`,
  }
}
