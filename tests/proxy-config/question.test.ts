/** What is asked for, what is refused, and what no text of the command line gets to. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { formats } from '../../cli/proxy-config/formats.ts'
import { type ProxyOptions, type ProxyQuestion, questionOf } from '../../cli/proxy-config/question.ts'
import { readAddress, readHost, readListen, readPath, readRange } from '../../cli/proxy-config/read-options.ts'
import { fill } from '../../cli/proxy-config/template.ts'
import { createAuthority } from '../certificates.ts'
import { goodSecret, loadText } from '../config/load-text.ts'
import { fc } from '../properties.ts'
import { folder, proxyConfig } from './printed.ts'

/** Gateways in a cluster have tests of their own (tests/kubernetes/gateways). */
const onMachines = formats.filter(({ isInCluster }) => isInCluster !== true)

const configuration = (more = ''): string => `
server: { url: https://auth.example.com }
providers: [{ name: corp, issuer: https://idp.example.com, clientId: sallyport, clientSecret: ${goodSecret} }]
sessions: { secret: ${goodSecret} }
${more}
`
const wiki = ['--host', 'wiki.example.com=10.0.0.5:8080', '--balancer', '10.0.0.10']
const tls = ['--tls-certificate', '/etc/site.pem', '--tls-key', '/etc/site.key']

describe('the command', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-asked-'))
  const say = (...args: string[]) => proxyConfig(args, directory)

  beforeAll(() => {
    const hosts = 'hosts: [{ host: wiki.example.com }, { host: "*.apps.example.com", tickets: true }]'
    writeFileSync(join(directory, 'sallyport.yaml'), configuration(hosts), { mode: 0o600 })
    const rows = ['wiki', 'payroll'].map(host => `p, anyone, ${host}.example.com, /**, read, -, allow`)
    writeFileSync(
      join(folder(directory, 'policy'), 'policy.csv'),
      [...rows, 'p, anyone, auth.example.com, /**, read, -, allow', 'p, anyone, console, /**, read, -, allow', ''].join(
        '\n',
      ),
    )
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('lists what there is, for programs as well', async () => {
    const text = await say('--list')
    expect(text.output.split('\n').slice(0, -1)).toHaveLength(formats.length)
    const { formats: listed } = JSON.parse((await say('--list', '--json')).output)
    expect(listed.map(({ name }: { name: string }) => name)).toEqual(formats.map(({ name }) => name))
  })

  it.each([
    ['nginx', ['--check', 'grpc'], '--check is for gateways in a cluster alone'],
    ['envoy', ['--check', 'grpc'], 'envoy-grpc'],
    ['traefik', ['--namespace', 'edge'], '--namespace'],
    ['caddy', ['--gateway', 'public'], '--gateway'],
    ['haproxy', ['--gateway-pods', 'edge/app=x'], '--gateway-pods'],
    ['envoy', ['--grpc', '10.0.0.1:9190'], 'envoy asks over HTTP'],
    ['nginx', ['--checks', '127.0.0.1:9189'], '--checks is for traefik'],
    ['nginx', ['--force'], '--output'],
    ['envoy-gateway', ['--listen', '443'], '--listen'],
    ['istio', ['--checks', '127.0.0.1:9189'], '--checks is for traefik'],
  ])('%s refuses %j, which it would not read', async (format, more, why) => {
    const host =
      formats.find(({ name }) => name === format)?.isInCluster === true ? ['--host', 'wiki.example.com'] : wiki
    const said = await say(format, ...host, ...more)
    expect([said.code, said.output, said.errors]).toEqual([2, '', expect.stringContaining(why)])
    expect((await say(format, ...host)).code).toBe(0)
  })

  it('takes the hosts of configuration and policy, and says which of them name none', async () => {
    const said = await say('caddy', '--upstream', '10.0.0.5:8080', '--balancer', '10.0.0.10')
    expect(said.code).toBe(0)
    expect(said.output.match(/^http:\/\/\S+ \{$/gm)).toEqual([
      'http://auth.example.com:80 {',
      'http://wiki.example.com:80 {',
      'http://payroll.example.com:80 {',
      'http://:80 {',
    ])
    expect(said.errors).toContain('*.apps.example.com name no single host')
  })

  const refused: readonly (readonly [string, readonly string[], string])[] = [
    ['no proxy', [], 'which proxy?'],
    ['a name that is mistyped', ['ngnix', ...wiki], 'did you mean "nginx"?'],
    [
      'TLS that nobody ends',
      ['nginx', '--host', 'wiki.example.com=10.0.0.5:8080'],
      'nothing that is asked for ends TLS',
    ],
    ['a certificate without its key', ['nginx', ...wiki, '--tls-certificate', '/etc/site.pem'], 'belong together'],
    ['hosts that are nowhere', ['nginx', '--balancer', '10.0.0.10'], '--host payroll.example.com=ADDRESS:PORT'],
    ['a host twice', ['nginx', ...wiki, ...wiki], 'names wiki.example.com twice'],
    ['the login host', ['nginx', ...wiki, '--host', 'auth.example.com=10.0.0.5:1'], 'which Sallyport serves itself'],
    ['gRPC without a listener', ['envoy-grpc', ...wiki], 'add the section `envoy`'],
    ['labels at an address', ['traefik-labels', ...wiki], 'labels stand at a service of Compose'],
    [
      'a key that HAProxy does not find',
      ['haproxy', ...wiki, '--tls-certificate', '/etc/a.pem', '--tls-key', '/etc/b.pem'],
      'put the key at /etc/a.pem.key',
    ],
    ['HTTP/3 of a proxy that has none here', ['nginx', ...wiki, '--http3'], '--http3 is for caddy'],
    ['HTTP/3 behind a balancer', ['caddy', ...wiki, '--http3'], 'no --balancer in front'],
    [
      'authorities of clients where nobody ends TLS here',
      ['nginx', '--host', 'wiki.example.com=10.0.0.5:8080', '--balancer', '10.0.0.10', '--client-ca', '/a.pem'],
      '--client-ca needs TLS that ends here',
    ],
    [
      'authorities of clients behind a balancer',
      ['nginx', ...wiki, ...tls, '--client-ca', '/a.pem'],
      'would ask the balancer',
    ],
    [
      'authorities of clients over HTTP/3',
      ['envoy', '--host', 'wiki.example.com=10.0.0.5:8080', ...tls, '--http3', '--client-ca', '/a.pem'],
      'leave --http3 out',
    ],
    [
      'authorities of clients in a cluster',
      ['contour', ...wiki, '--client-ca', '/a.pem'],
      'the listener of the Gateway',
    ],
    [
      'certificates that nobody hears of, and nobody needs',
      ['caddy', '--host', 'wiki.example.com=10.0.0.5:8080', '--client-ca', '/a.pem', '--client-ca-optional'],
      'set server.clientCertificateHeader',
    ],
    [
      'optional what is not asked for',
      ['caddy', ...wiki, '--client-ca-optional'],
      '--client-ca asks, which is missing',
    ],
    ['a balancer that is everybody', ['nginx', ...wiki, '--balancer', '0.0.0.0/0'], 'far more'],
    ['a balancer that is half of everybody', ['nginx', ...wiki, '--balancer', '128.0.0.0/1'], 'far more'],
    ['a balancer that is much of IPv6', ['nginx', ...wiki, '--balancer', '2000::/3'], 'far more'],
  ]

  it.each(refused)('refuses %s, says what to do, and prints nothing', async (_what, args, words) => {
    const said = await say(...args)
    expect([said.code, said.output]).toEqual([2, ''])
    expect(said.errors).toContain(words)
  })

  it('says what is left out where hosts are named one by one', async () => {
    const said = await say('nginx', '--host', 'payroll.example.com=10.0.0.5:8080', '--balancer', '10.0.0.10')
    expect([said.code, said.errors]).toEqual([
      0,
      expect.stringContaining('left out, because no --host names them: wiki'),
    ])
  })

  it('says what Sallyport has to trust, where the proxy tells of it', async () => {
    const traefik = await say('traefik', ...wiki, '--balancer', '127.0.0.7')
    expect(traefik.errors.match(/^note: .*trustedProxies.*$/gm)).toEqual([
      expect.stringContaining('traefik tells Sallyport of 10.0.0.10/32 as one more hop'),
    ])
    expect((await say('caddy', ...wiki)).errors).not.toContain('trustedProxies')
  })

  it('says that certificates of clients are dropped, and what that means', async () => {
    const file = join(directory, 'bound.yaml')
    const sections = configuration().replace('example.com }', 'example.com, clientCertificateHeader: X-Certificate }')
    writeFileSync(file, sections.replace(`sessions: {`, 'sessions: { bindTo: client-certificate,'), { mode: 0o600 })
    const said = await say('nginx', ...wiki, '--config', file)
    expect([said.code, said.output]).toEqual([0, expect.stringContaining('proxy_set_header x-certificate "";')])
    expect(said.errors.match(/passes no certificate on|nobody can log in/g)).toHaveLength(2)
    const asked = [
      '--config',
      file,
      '--host',
      'wiki.example.com=10.0.0.5:8080',
      ...tls,
      '--client-ca',
      '/etc/people.pem',
    ]
    expect((await say('nginx', ...asked)).errors).not.toContain('certificate')
    // Traefik has a name of its own, and would pass on whatever a client wrote under another one.
    const traefik = await say('traefik', ...asked)
    expect([traefik.code, traefik.output]).toEqual([2, ''])
    expect(traefik.errors).toContain('in x-forwarded-tls-client-cert alone')
  })

  it('says where the proxy asks for certificates of which Sallyport hears nothing', async () => {
    const said = await say('caddy', '--host', 'wiki.example.com=10.0.0.5:8080', '--client-ca', '/etc/people.pem')
    expect([said.code, said.output]).toEqual([0, expect.stringContaining('mode require_and_verify')])
    expect(said.errors).toContain('Sallyport hears nothing of them')
  })

  it('says in the file of Caddy that there is no HTTP/3, and with --http3 that nothing is taken early', async () => {
    const own = ['--host', 'wiki.example.com=10.0.0.5:8080']
    expect((await say('caddy', ...own)).output).toMatch(/^\t\tprotocols h1 h2$/m)
    expect((await say('caddy', ...own, '--http3')).output).toMatch(/^\t\tprotocols h1 h2 h3\n\t\t0rtt off$/m)
  })

  it('prints for programs what it prints for people', async () => {
    const text = (await say('caddy', ...wiki)).output
    const { files } = JSON.parse((await say('caddy', ...wiki, '--json')).output) as {
      readonly files: readonly { readonly path: string; readonly text: string }[]
    }
    expect(files.map(({ path, text: one }) => `==> ${path} <==\n${one}`).join('\n')).toBe(text)
  })

  it('prints no https server where nothing ends TLS here, and nothing but https where it does', async () => {
    const plain = await say('nginx', ...wiki)
    expect(plain.output).not.toMatch(/listen [^;]*ssl/)
    const files = ['--tls-certificate', '/etc/site.pem', '--tls-key', '/etc/site.key']
    const secure = await say('nginx', ...wiki, ...files)
    const listening = secure.output.match(/listen [^;]*;/g) ?? []
    expect([listening.length, listening.filter(line => !line.includes(' ssl'))]).toEqual([3, []])
  })

  it('writes again what it wrote, and nothing over what it did not', async () => {
    const output = join(directory, 'out')
    const write = (...more: string[]) => say('caddy', ...wiki, '--output', output, ...more)
    expect((await write()).code).toBe(0)
    const file = join(output, 'sallyport-sites.caddy')
    const first = readFileSync(file, 'utf8')
    expect((await write('--host', 'payroll.example.com=10.0.0.6:8080')).code).toBe(0)
    expect(readFileSync(file, 'utf8')).not.toBe(first)
    // The operator's own: beside, and in the place of one of ours.
    writeFileSync(join(output, 'Caddyfile'), '{ admin off }\n')
    const before = readFileSync(file, 'utf8')
    const refusal = await write()
    expect([refusal.code, refusal.errors]).toEqual([2, expect.stringContaining('was not written by this command')])
    expect([readFileSync(file, 'utf8'), readFileSync(join(output, 'Caddyfile'), 'utf8')]).toEqual([
      before,
      '{ admin off }\n',
    ])
    // What is no file is named, too.
    mkdirSync(join(output, 'out/Caddyfile'), { recursive: true })
    const folded = await say('caddy', ...wiki, '--output', join(output, 'out'))
    expect([folded.code, folded.errors]).toEqual([2, expect.stringContaining('Caddyfile is a folder')])
    expect((await write('--force')).code).toBe(0)
    expect([readFileSync(file, 'utf8'), existsSync(join(output, 'Caddyfile.new'))]).toEqual([first, false])
  })
})

describe('a question', () => {
  const options: ProxyOptions = {
    hosts: [],
    upstream: { host: '10.0.0.5', port: 8080 },
    sallyport: [],
    grpc: [],
    balancers: ['10.0.0.10/32'],
    directory: '/etc/proxy',
  }
  const ask = (more: string, hosts: readonly string[]): ProxyQuestion =>
    questionOf({
      config: loadText(configuration(more)).config,
      options: { ...options, hosts: hosts.map(host => ({ host })) },
      fetchesCertificates: false,
    })

  it('knows of each host what its application must not get', () => {
    const issuers =
      'machines: { issuers: [{ name: prod, kind: openid, issuer: "https://prod.example.com", audience: me }] }'
    const hosts = `hosts:
  - { host: a.example.com, passwords: true }
  - { host: b.example.com, bearerFrom: [prod] }
  - { host: c.example.com, bearerFrom: [prod], bearerHeader: X-Machine-Token }
  - { host: d.example.com, bearerFrom: [prod], bearerHeader: X-Machine-Token, passwords: true }
  - { host: e.example.com, bearerFrom: [prod], authorization: assertion }
  - { host: "*.inner.example.com", passwords: true }`
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'f.inner'].map(name => `${name}.example.com`)
    const question = ask(`${hosts}\n${issuers}`, names)
    expect(question.hosts.map(({ withheld, givenAuthorization }) => [withheld, givenAuthorization])).toEqual([
      [['Authorization'], false],
      [['Authorization'], false],
      [['x-machine-token'], false],
      [['x-machine-token', 'Authorization'], false],
      [[], true],
      [[], false],
      [['Authorization'], false],
    ])
  })

  it.each([
    ['traefik', 'dynamic/sallyport-sites.yaml', /middlewares: \[sallyport, sallyport-withhold-authorization\]/],
    ['caddy', 'sallyport-sites.caddy', /import sallyport\n(?:.*\n)?\t\trequest_header -Authorization\n/],
    ['haproxy', 'sallyport.cfg', /del-header authorization if \{ var\(txn\.site\) -m str "a\.example\.com" \}/],
  ])('has %s keep it from the application, and on that host alone', (name, path, line) => {
    const question = ask('hosts: [{ host: a.example.com, passwords: true }]', ['a.example.com', 'b.example.com'])
    const format = formats.find(one => one.name === name)
    const text = format?.render(question).find(file => file.path === path)?.text ?? ''
    expect(text.match(new RegExp(line, 'g'))).toHaveLength(1)
  })

  it.each(onMachines.map(format => [format.name, format] as const))(
    'checks every host in what %s gets',
    (name, format) => {
      const question = ask('envoy: { listen: "127.0.0.1:9183" }', ['a.example.com', 'b.example.com'])
      const hosts = question.hosts.map(host => ({ ...host, upstream: { host: 'app', port: 80 } }))
      const text = format
        .render({ ...question, hosts })
        .map(file => file.text)
        .join('\n')
      const ways: Readonly<Record<string, RegExp>> = {
        nginx: /server_name ([ab]\.example\.com);(?:.*\n){1,4}.*location \/ \{\n\s*include sallyport-location\.conf;/g,
        traefik: /rule: Host\(`([ab]\.example\.com)`\)\n\s*middlewares: \[sallyport\]/g,
        'traefik-labels': /rule: Host\(`([ab]\.example\.com)`\)\n.*middlewares: sallyport@file\n/g,
        caddy: /http:\/\/([ab]\.example\.com):80 \{\n\troute \{\n\t\timport sallyport\n/g,
        // Every host is checked that does not say otherwise: only the login host does.
        haproxy: /use_backend site:([ab]\.example\.com) if/g,
        envoy: /domains: \['([ab]\.example\.com)'\]/g,
        'envoy-grpc': /domains: \['([ab]\.example\.com)'\]/g,
      }
      const way = ways[name]
      if (way === undefined) return expect.unreachable(`nobody looks at ${name}`)
      expect([...text.matchAll(way)].map(([, host]) => host)).toEqual(['a.example.com', 'b.example.com'])
      // An action of Lua that fails stops nothing: the line below it does.
      if (name === 'haproxy')
        expect(text).toMatch(
          /lua\.sallyport "\S+" unless unchecked\n.*\n +http-request deny deny_status 503 unless unchecked or/,
        )
      if (name === 'haproxy')
        expect(text.match(/acl unchecked .*/g)).toEqual(['acl unchecked var(txn.site) -m str "auth.example.com"'])
      if (name.startsWith('envoy')) expect(text.match(/disabled: true/g)).toHaveLength(1)
    },
  )

  it('drops what the configuration calls by other names', () => {
    const names = 'headers: { user: X-Who }'
    const more = `${names}\nenvoy: { listen: "127.0.0.1:9183" }`
    for (const format of onMachines) {
      const hosts = ask(more, ['a.example.com']).hosts.map(host => ({ ...host, upstream: { host: 'app', port: 80 } }))
      const question = { ...ask(more, ['a.example.com']), hosts, clientCertificateHeader: 'x-client-certificate' }
      const text = format
        .render(question)
        .map(file => file.text)
        .join('\n')
      expect([
        format.name,
        /x-who/i.test(text),
        /remote-user: (?!'')|remote-user (?!"")|- remote-user/i.test(text),
      ]).toEqual([format.name, true, false])
      expect([format.name, /x-client-certificate/i.test(text)]).toEqual([format.name, true])
      expect([format.name, /remote-user (?:"")|remote-user: ''|-remote-\*|remote- /i.test(text)]).toEqual([
        format.name,
        true,
      ])
    }
  })
})

describe('a text of the command line', () => {
  const hostile = fc.string({
    unit: fc.constantFrom(
      ...'a9.-_:/[]=,;{}()<>"\'`$\\#%&|!?*@ \n\r\t\0\u2028é'.split(''),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: of the proxies' languages.
      '${X}',
      '{{',
      '}}',
      '\n}',
      '*/',
    ),
    maxLength: 12,
  })
  const around = fc.tuple(
    fc.constantFrom('', 'app', 'app.example.com', '10.0.0.1', '/etc/site', '127.0.0.1:80'),
    hostile,
    fc.constantFrom('', ':80', '.com', '/x', '/24', '=10.0.0.5:8080'),
  )
  const { config } = loadText(configuration('envoy: { listen: "127.0.0.1:9183" }'))
  const first = { host: 'app.example.com', upstream: { host: 'app', port: 80 } }
  const plain: ProxyOptions = {
    hosts: [first],
    sallyport: [],
    grpc: [],
    balancers: ['10.0.0.10/32'],
    directory: '/etc/x',
  }
  const tls = { certificate: '/etc/x.pem', key: '/etc/x.pem.key' }

  /** Everything that is not of a name, an address or a path: the directives. */
  const skeleton = (options: ProxyOptions): string =>
    onMachines
      .flatMap(({ render }) => render(questionOf({ config, options, fetchesCertificates: false })))
      .map(({ text }) => text.replaceAll(/[A-Za-z0-9._:/[\]-]/g, ''))
      .join('\f')

  const reading = <T>(read: (text: string) => T, text: string): T | undefined => {
    try {
      return read(text)
    } catch {
      return undefined
    }
  }

  const bare = skeleton(plain)
  const secure = skeleton({ ...plain, tls })
  const bound = skeleton({ ...plain, listen: { host: '127.0.0.1', port: 80 } })

  /** With the text wherever it is taken, and what must come of that. */
  function changesOf(text: string): readonly (readonly [ProxyOptions, string])[] {
    const [host, address, range] = [reading(readHost, text), reading(readAddress, text), reading(readRange, text)]
    const [path, listen] = [reading(readPath, text), reading(readListen, text)]
    const isOwn = host?.host === 'auth.example.com'
    const isBare = listen?.host === undefined || listen.host === '0.0.0.0'
    const named = (name: string): ProxyOptions => ({ ...plain, hosts: [{ host: name, upstream: first.upstream }] })
    return [
      ...(host === undefined || isOwn ? [] : [[named(host.host), bare] as const]),
      ...(address === undefined ? [] : [[{ ...plain, sallyport: [address] }, bare] as const]),
      ...(range === undefined ? [] : [[{ ...plain, balancers: [range] }, bare] as const]),
      ...(listen === undefined ? [] : [[{ ...plain, listen }, isBare ? bare : bound] as const]),
      ...(path === undefined
        ? []
        : [[{ ...plain, directory: path }, bare] as const, [secureWith(path), secure] as const]),
    ]
  }
  const secureWith = (path: string): ProxyOptions => ({ ...plain, tls: { certificate: path, key: `${path}.key` } })

  it('A36 is refused, or is a name, an address or a path and nothing of the language of a proxy', () => {
    let accepted = 0
    fc.assert(
      fc.property(around, parts => {
        const changes = changesOf(parts.join(''))
        accepted += changes.length
        for (const [options, expected] of changes) expect(skeleton(options)).toBe(expected)
      }),
      { numRuns: 1500 },
    )
    // Not everything was refused.
    expect(accepted).toBeGreaterThan(20)
  })

  it.each([
    ['--host', 'app.example.com;}=127.0.0.1:80'],
    ['--host', 'app.example.com=127.0.0.1:80;return 200'],
    ['--host', 'app.example.com\n=127.0.0.1:80'],
    ['--upstream', '{$HOME}:80'],
    ['--sallyport', '{{env "X"}}:9180'],
    ['--balancer', '10.0.0.1 10.0.0.2'],
    ['--tls-certificate', '/etc/$(id).pem'],
    ['--tls-key', '/etc/../../x'],
    ['--directory', '/etc/"x'],
    ['--checks', '10.0.0.1:9189'],
  ])('A36 is refused by its name: %s %j', async (option, text) => {
    const said = await proxyConfig(['nginx', option, text], '/')
    expect([said.code, said.output]).toEqual([2, ''])
    expect(said.errors).toContain(option)
  })
})

describe('a template', () => {
  it('loses no line and takes none in', () => {
    expect(fill('a @{X}\n  @{LINES}\nb\n', { X: '1', LINES: ['c', '', 'd'] })).toBe('a 1\n  c\n\n  d\nb\n')
    expect(fill('a\n  @{LINES}\nb\n', { LINES: [] })).toBe('a\nb\n')
    expect(fill('@{X}', { X: '@{X}' })).toBe('@{X}')
    expect(() => fill('@{X} @{Y}', { X: '1' })).toThrow('no value for Y')
    expect(() => fill('@{X}', { X: '1', Y: '1' })).toThrow('no place for Y')
    expect(() => fill('a @{X}', { X: ['1'] })).toThrow('several lines')
  })
})

describe('the commands of the pages', () => {
  const root = join(import.meta.dirname, '../..')
  const pages = ['README.md', ...readdirSync(join(root, 'docs/proxies')).map(name => `docs/proxies/${name}`)]
  const commands = pages.flatMap(page => {
    const text = readFileSync(join(root, page), 'utf8').replaceAll(/ *\\\n\s*/g, ' ')
    return [...text.matchAll(/sallyport proxy-config ([a-z-]+ --[^`|\n]*)/g)].map(
      ([, line = '']) => [page, line.trim()] as const,
    )
  })

  it('are there for each proxy on a machine', () => {
    const named = new Set(commands.map(([, line]) => line.split(' ')[0]))
    expect(onMachines.map(({ name }) => name).filter(name => name !== 'envoy-grpc' && !named.has(name))).toEqual([])
  })

  it.each(commands)('of %s print what they promise: %s', async (_page, line) => {
    const directory = mkdtempSync(join(tmpdir(), 'sallyport-page-'))
    const files = { certificateFile: join(directory, 'site.pem'), keyFile: join(directory, 'site.key') }
    const listener = line.includes('--grpc-ca') ? `envoy: { tls: ${JSON.stringify(files)} }` : ''
    writeFileSync(join(directory, 'sallyport.yaml'), configuration(listener), { mode: 0o600 })
    if (listener !== '') {
      const authority = createAuthority('Mesh', directory)
      const { certificate, key } = authority.issue('site', ['sallyport.example.com'])
      writeFileSync(files.certificateFile, certificate)
      writeFileSync(files.keyFile, key, { mode: 0o600 })
    }
    // Some leave TLS to other words of the page.
    const args = line.replace(/ --output \S+/, '').split(' ')
    const isSaid = /--balancer|--tls|^caddy/.test(line)
    const said = await proxyConfig([...args, ...(isSaid ? [] : ['--balancer', '10.0.0.10'])], directory)
    rmSync(directory, { recursive: true, force: true })
    expect([said.code, said.errors.replaceAll(/^note: .*\n/gm, '')]).toEqual([0, ''])
    expect(said.output).toContain('wiki.example.com')
  })
})

describe('the files of deploy/', () => {
  it('are YAML where they are', () => {
    const text = readFileSync(join(import.meta.dirname, '../../deploy/envoy/sallyport-drop.yaml'), 'utf8')
    expect(text.startsWith('# Generated by `npm run docs` from cli/proxy-config.\n')).toBe(true)
    expect(parse(text)).toHaveProperty('resources')
  })
})
