/** What `proxy-config` prints for gateways in a cluster, without a cluster: what each line holds, and what no value can do. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseAllDocuments, parseDocument } from 'yaml'
import { repositoryRoot } from '../../../cli/demo/paths.ts'
import { formats as allFormats } from '../../../cli/proxy-config/formats.ts'
import { readName, readPods } from '../../../cli/proxy-config/kubernetes/cluster-options.ts'
import { documents, manifest } from '../../../cli/proxy-config/kubernetes/manifest.ts'
import { fc } from '../../properties.ts'
import { customResourceModules } from './custom-resources.ts'
import { fullSettings, objectsIn, printingWorld } from './printed.ts'

const world = printingWorld(fullSettings)
const plain = printingWorld()
afterAll(() => {
  world.remove()
  plain.remove()
})

const formats = ['envoy-gateway', 'istio', 'gateway-api', 'contour', 'kgateway', 'traefik-crd', 'ingress-nginx']

/** kubectl reads 1.1, everybody else 1.2. */
const versions = ['1.1', '1.2'] as const

describe('a value', () => {
  it('is itself to every version of YAML, wherever it stands and whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        for (const version of versions) {
          const { lines } = manifest`
# About ${text}
a: ${text}
b: { c: ${text} }
d:
  ${[text, text]}
  `
          const document = parseDocument(lines.join('\n'), { version })
          expect(document.errors).toEqual([])
          expect(document.toJS()).toEqual({ a: text, b: { c: text }, d: [text, text] })
        }
      }),
    )
  })

  it.each([
    'on',
    'no',
    'y',
    'null',
    'true',
    '123',
    '1e3',
    'e1',
    '0x1f',
    '0o17',
    '1_000',
    '2026-12-31',
    '12:30:45',
    '~',
    '',
  ])('%j is a text', text => {
    for (const version of versions)
      expect(parseDocument(manifest`a: ${text}`.lines.join('\n'), { version }).toJS()).toEqual({ a: text })
  })

  it('is never left out', () => {
    expect(() => manifest`a: ${['b']}`).toThrow('stand within a line')
    expect(
      () => manifest`
a:
  ${[]}`,
    ).toThrow('has no items')
    expect(documents(manifest``, manifest`a: 1`)).toBe('---\na: 1\n')
  })
})

describe('the command line', () => {
  it('takes names of Kubernetes and nothing else', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        const fits = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text) && !text.includes('\n')
        if (fits) expect(readName(text)).toBe(text)
        else expect(() => readName(text)).toThrow('small letters')
      }),
    )
  })

  it.each([
    '',
    'edge',
    'edge/',
    'edge/app',
    'edge/app=',
    'edge/=envoy',
    'edge/app=a=b',
    'edge/app=envoy,',
    'edge/a/b/c=d',
    'Edge/app=envoy',
    'edge/app=en voy',
    'edge/app=envoy\n',
    'edge/app: x=envoy',
    `edge/app=${'x'.repeat(64)}`,
  ])('takes %j for no pods', text => {
    expect(() => readPods(text)).toThrow()
  })

  it.each([
    [['envoy-gateway', '--host', 'a.example.com=10.0.0.1:80'], 'is no Service of a cluster'],
    [['envoy-gateway', '--host', 'a.example.com=a.b.c.d:80'], 'is no Service of a cluster'],
    [['envoy-gateway', '--host', '1.example.com'], 'is no Service of a cluster'],
    [['envoy-gateway', '--sallyport', '10.0.0.1:80'], 'is no Service of a cluster'],
    [['envoy-gateway', '--sallyport', 'a:80', '--sallyport', 'b:80'], 'behind one Service'],
    [['istio', '--tls-certificate', '/a.pem', '--tls-key', '/b.pem'], 'leave --tls-certificate out'],
    [['contour', '--check', 'http'], 'does not ask over http'],
    [['traefik-crd', '--check', 'grpc'], 'does not ask over grpc'],
  ])('%j: %s', async (args, words) => {
    const { code, errors } = await world.print('--host', 'wiki.example.com', ...args)
    expect(code).toBe(2)
    expect(errors.replace(/\s+/g, ' ')).toContain(words)
  })

  it.each(['contour', 'kgateway'])('%s needs TLS for gRPC, as checks hold cookies', async format => {
    const { code, errors } = await plain.print(format)
    expect([code, errors.replace(/\s+/g, ' ')]).toEqual([2, expect.stringContaining('section `envoy` with `tls`')])
  })

  it('asks over HTTP where the configuration has no gRPC with TLS', async () => {
    const { files } = await plain.print('envoy-gateway')
    expect(files['sallyport.yaml']).toContain('path: /verify/ext-authz')
    expect(Object.keys((await world.print('envoy-gateway', '--host', 'wiki.example.com')).files)).toEqual([
      'sallyport.yaml',
    ])
    expect((await world.print('envoy-gateway', '--host', 'wiki.example.com')).files['sallyport.yaml']).toContain(
      'grpc:',
    )
  })
})

describe('what is printed', () => {
  const hosts = [
    '--host',
    'wiki.example.com',
    '--host',
    'api.example.com=api.payments:80',
    '--host',
    'board.example.com',
  ]

  it.each(formats)('%s: lets only the pods of the gateway ask, each condition at once', async format => {
    const { files } = await world.print(format, ...hosts, '--gateway-pods', 'edge/app=on,tier=1')
    const policies = objectsIn(files['sallyport.yaml'] ?? '').filter(({ kind }) => kind === 'NetworkPolicy')
    expect(policies.map(({ metadata, spec }) => [metadata, spec.ingress])).toEqual([
      [
        { name: 'sallyport', namespace: 'sallyport' },
        [
          {
            from: [
              {
                namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'edge' } },
                podSelector: { matchLabels: { app: 'on', tier: '1' } },
              },
            ],
            ports: expect.arrayContaining([{ protocol: 'TCP', port: 9180 }]),
          },
        ],
      ],
    ])
  })

  it.each(['envoy-gateway', 'istio', 'gateway-api'])(
    '%s: sends the headers that conditions read, over HTTP',
    async format => {
      const own = printingWorld()
      const conditions = join(own.directory, 'policy', 'conditions.yaml')
      const ask = () => own.print(format, '--host', 'wiki.example.com', '--check', 'http')
      try {
        writeFileSync(conditions, 'a: { any: [{ all: [{ header: { name: X-Device, in: [a] } }] }, { acr: [gold] }] }\n')
        expect(Object.values((await ask()).files).join('')).toMatch(/^ *- x-device$/m)
        writeFileSync(conditions, 'a: { any: 1 }\n')
        const { code, errors, files } = await ask()
        expect([code, Object.values(files).join('').includes('x-device')]).toEqual([0, false])
        expect(errors).toContain('the policy cannot be read')
      } finally {
        own.remove()
      }
    },
  )

  it.each(formats)('%s: says what it believes of a client, with a balancer in front and without', async format => {
    const text = async (...args: readonly string[]) =>
      Object.values((await world.print(format, ...hosts, ...args)).files).join('')
    const alone = await text()
    const behind = await text('--balancer', '10.0.0.10')
    const trust =
      /^ *(?:numTrustedHops|numTrustedProxies|xffNumTrustedHops): 1$|trustedips=10\.0\.0\.10|use-forwarded-headers: "true"/m
    // Gateway API has no word for it, and says so.
    if (format === 'gateway-api') expect(alone).toContain('What this API cannot say')
    else expect([trust.test(alone), trust.test(behind)]).toEqual([false, true])
  })

  it.each(['envoy-gateway', 'contour', 'kgateway', 'istio'])('%s: never opens when nobody answers', async format => {
    for (const check of format === 'contour' || format === 'kgateway' ? ['grpc'] : ['grpc', 'http']) {
      const { files } = await world.print(format, ...hosts, '--check', check)
      const said =
        Object.values(files)
          .join('')
          .match(/failOpen: .*/g) ?? []
      expect(new Set(said)).toEqual(new Set(['failOpen: false']))
    }
  })

  it.each(['envoy-gateway', 'gateway-api', 'istio'])('%s: sends over HTTP what says who asks', async format => {
    const { files } = await world.print(format, ...hosts, '--check', 'http')
    const text = Object.values(files).join('')
    for (const name of ['cookie', 'authorization', 'x-forwarded-proto', 'sec-websocket-key', 'origin'])
      expect(text).toMatch(new RegExp(`^ *- ${name}$`, 'm'))
  })

  it('kgateway drops first what is a login to some application: it has room for 16 names', async () => {
    const { files } = await world.print('kgateway', ...hosts)
    const [, block = ''] = /remove:\n((?: +- \S+\n)+)/.exec(files['sallyport.yaml'] ?? '') ?? []
    const remove = block.trim().split(/\s*- /).filter(Boolean)
    expect([remove.length, new Set(remove).size]).toEqual([16, 16])
    const worst = [
      'remote-user',
      'x-sallyport-assertion',
      'x-webauth-user',
      'x-forwarded-user',
      'x-http-method-override',
    ]
    expect(remove).toEqual(expect.arrayContaining(worst))
  })

  it('gives Authorization to the application that gets one, and takes it from the one that must not', async () => {
    const { files } = await world.print('traefik-crd', ...hosts)
    const objects = objectsIn(files['sallyport.yaml'] ?? '')
    const specOf = (name: string) => objects.find(({ metadata }) => metadata.name === name)?.spec
    const names = (spec: unknown): unknown =>
      (spec as { readonly forwardAuth?: { readonly authResponseHeaders: unknown } } | undefined)?.forwardAuth
        ?.authResponseHeaders
    const usual = ['remote-user', 'remote-email', 'remote-name', 'remote-groups', 'x-sallyport-assertion', 'cookie']
    expect(names(specOf('sallyport-check'))).toEqual(usual)
    expect(names(specOf('sallyport-check-board-example-com'))).toEqual([...usual, 'authorization'])
    expect(specOf('sallyport-withhold-api-example-com')).toEqual({
      headers: { customRequestHeaders: { Authorization: '' } },
    })
    expect(JSON.stringify(specOf('sallyport-api-example-com'))).toContain('sallyport-withhold-api-example-com')
    expect(JSON.stringify(specOf('sallyport-wiki-example-com'))).not.toContain('withhold')
  })

  it('keeps the port of kubectl open where there is one', async () => {
    const { files } = await world.print('istio', ...hosts)
    expect(files['sallyport.yaml']).not.toContain('8443')
  })

  it('says what has ended, and what was not validated', async () => {
    const { files, errors } = await world.print('ingress-nginx', ...hosts)
    expect(errors).toContain('ended in March 2026')
    expect(files['sallyport.yaml']).toContain('RETIRED: ingress-nginx ended in March 2026.')
    expect((await world.print('kgateway', ...hosts)).files['sallyport.yaml']).toContain('NOT VALIDATED')
  })

  it('is the same to both versions of YAML, whatever the names are', async () => {
    const names = fc.constantFrom('on', 'no', 'y', 'null', 'true', 'e1', '123', '1e3', '0x1f', '2026-12-31')
    const label = fc.constantFrom('on', 'no', '1', '1e3', '0x1f', '1.0', 'A_b')
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...formats), names, names, label, async (format, namespace, gateway, value) => {
        const pods = `${namespace}/app=${value}`
        const { files, code } = await world.print(
          format,
          ...[
            '--host',
            'wiki.example.com=on.no:80',
            '--namespace',
            namespace,
            '--gateway',
            gateway,
            '--gateway-pods',
            pods,
          ],
        )
        expect(code).toBe(0)
        for (const text of Object.values(files)) {
          const [old, current] = versions.map(version => parseAllDocuments(text, { version }).map(one => one.toJS()))
          expect(old).toEqual(current)
        }
        expect(JSON.stringify(objectsIn(files['sallyport.yaml'] ?? ''))).toContain(`"app":${JSON.stringify(value)}`)
      }),
      { numRuns: 25 },
    )
  })
})

describe('docs/proxies/kubernetes.md', () => {
  const page = readFileSync(join(repositoryRoot, 'docs/proxies/kubernetes.md'), 'utf8')
  const names = allFormats.filter(({ isInCluster }) => isInCluster === true).map(({ name }) => name)

  it('speaks of each format, twice', () => {
    expect(names).toEqual(formats)
    expect([...page.matchAll(/^\| `([a-z-]+)`/gm)].map(([, name]) => name)).toEqual([...names, ...names])
  })

  it('names the versions whose definitions are used', () => {
    for (const version of Object.values(customResourceModules)) expect(page).toContain(` ${version}`)
  })
})
