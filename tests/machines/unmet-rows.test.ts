/** Rows about machines, tokens and clusters that the configuration does not have. */
import { describe, expect, it } from 'vitest'
import { runCli } from '../../cli/program.ts'
import { knownTokensOf } from '../../config/machine-names.ts'
import { findUnmet } from '../../rbac/lint/unmet-rows.ts'
import { loadText, minimal } from '../config/load-text.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { policyOf } from '../decisions/policies.ts'
import { startService } from '../service.ts'

const issuers = `[
  { name: prod, cluster: blue, kind: kubernetes, issuer: "https://kubernetes.default.svc", audience: sallyport, jwksFile: prod.json },
  { name: robots, kind: generic, issuer: "https://robots.example.com", audience: sallyport, jwksFile: robots.json },
]`
const certificates = '[{ name: mesh, caFile: ca.pem, names: [uri] }]'
const hosts = `[
  { host: wiki.example.com, bearerFrom: [sallyport] },
  { host: shop.example.com, bearerFrom: [prod] },
  { host: "*.lab.example.com", bearerFrom: [robots], certificateFrom: [mesh] },
]`
const kubernetes = `{ url: "https://k8s.example.com", listen: "127.0.0.1:0", tls: { certificateFile: a, keyFile: b }, clusters: [
  { name: blue, server: "https://127.0.0.1:1", credential: { tokenFile: t } },
  { name: own, server: "https://127.0.0.1:1", access: direct },
] }`
const inLine = (section: string): string => section.replaceAll(/\s+/g, ' ')
const text = ({ exchange = ', exchange: {}' } = {}) =>
  [
    minimal,
    `machines: { issuers: ${inLine(issuers)}, certificates: ${certificates}${exchange} }`,
    `hosts: ${inLine(exchange === '' ? hosts.replace('[sallyport]', '[prod]') : hosts)}`,
    `kubernetes: ${inLine(kubernetes)}`,
  ].join('\n')
const env = {
  SALLYPORT_SERVER_CLIENT_CERTIFICATE_HEADER: 'X-Certificate',
  SALLYPORT_SESSIONS_BIND_TO: 'none',
}

async function unmet(row: string, options = {}) {
  const { config } = loadText(text(options), { env })
  const { rows } = await policyOf(`p, ${row}\n`)
  return findUnmet(rows, knownTokensOf(config)).map(({ rule, message }) => `${rule}: ${message}`)
}

const deployer = 'service-account:blue/ci/deployer'
const robot = 'client:robots/relay'
const mesh = 'certificate:mesh/spiffe://mesh/robot'

describe('a row that nothing can meet', () => {
  it.each([
    [
      `${robot}, tokens, /kube:bleu, create, -, deny`,
      'token-for-nothing: the row never applies: unknown cluster "bleu"; did you mean "blue"?',
    ],
    [`${robot}, tokens, /kube:own, create, -, deny`, 'token-for-nothing: the row never applies: unknown cluster "own"'],
    [`${robot}, tokens, /kube:b*u, create, -, deny`, 'token-for-nothing: the row never applies: unknown cluster "b*u"'],
    [
      `${robot}, tokens, /wiki.exmaple.com, create, -, deny`,
      'token-for-nothing: the row never applies: unknown host "wiki.exmaple.com"; did',
    ],
    [
      `authenticated, tokens, /shop.example.com, create, -, allow`,
      'token-for-nothing: the row never applies: shop.example.com takes no tokens of sallyport',
    ],
    [
      'authenticated, kube:bleu, /**, *, -, deny',
      'unknown-cluster: the row never applies: unknown cluster "bleu"; did you mean "blue"?',
    ],
    [
      `${robot}, shop.example.com, /**, *, -, deny`,
      'machine-not-taken: the row never applies: nobody of client:robots ever comes there',
    ],
    [
      `${deployer}, "*.lab.example.com", /**, *, -, allow`,
      'machine-not-taken: the row never applies: nobody of service-account:blue ever',
    ],
    [
      `${deployer}, other.example.com, /**, *, -, allow`,
      'machine-not-taken: the row never applies: nobody of service-account:blue ever',
    ],
    [
      `${mesh}, wiki.example.com, /**, *, -, deny`,
      'machine-not-taken: the row never applies: nobody of certificate:mesh ever comes there',
    ],
    [
      `${mesh}, tokens, /wiki.example.com, create, -, allow`,
      'machine-not-taken: the row never applies: nobody of certificate:mesh ever',
    ],
    [
      `${mesh}, kube:blue, /**, *, -, deny`,
      'machine-not-taken: the row never applies: nobody of certificate:mesh ever comes there',
    ],
    [
      `${robot}, kube:own, /**, *, -, deny`,
      'machine-not-taken: the row never applies: nobody of client:robots ever comes there',
    ],
  ])('%s', async (row, said) => {
    expect(await unmet(row)).toEqual([expect.stringContaining(said)])
  })

  it.each([
    `${robot}, tokens, /kube:blue, create, -, deny`,
    `${robot}, tokens, /kube:*, create, -, allow`,
    `${robot}, tokens, /**, create, -, deny`,
    `${robot}, tokens, /wiki.example.com, create, -, allow`,
    `${robot}, tokens, /*.example.com, create, -, allow`,
    'authenticated, kube:own, /**, *, -, deny',
    `${deployer}, shop.example.com, /**, *, -, deny`,
    `${robot}, wiki.example.com, /**, *, -, deny`,
    `${robot}, a.lab.example.com, /**, *, -, allow`,
    `${mesh}, "*.lab.example.com", /**, *, -, allow`,
    `${mesh}, "*", /**, *, -, deny`,
    `${robot}, "*.build.lab.example.com", /**, *, -, deny`,
    `${robot}, console, /**, *, -, deny`,
    `${deployer}, "*.example.com", /**, *, -, deny`,
    `${deployer}, kube:blue, /**, *, -, allow`,
    'group:ops, other.example.com, /**, *, -, deny',
  ])('is not: %s', async row => {
    expect(await unmet(row)).toEqual([])
  })

  it('without an exchange there are no tokens, and no way around what a host takes', async () => {
    const none = { exchange: '' }
    expect(await unmet('authenticated, tokens, /**, create, -, deny', none)).toEqual([
      'token-for-nothing: the row never applies: no tokens are made',
    ])
    expect(await unmet(`${deployer}, kube:blue, /**, *, -, allow`, none)).toEqual([
      expect.stringContaining('machine-not-taken'),
    ])
  })
})

describe('a running service', () => {
  it('says at start which rows never apply', async () => {
    const policy = 'p, authenticated, kube:bleu, /**, *, -, deny\n'
    const service = await startService({ policy })
    try {
      expect(service.logText()).toMatch(/"rule":"policy.csv:1".*unknown cluster .*bleu.*machines, tokens or clusters/)
      const terminal = createTestTerminal({ cwd: service.directory, env: {} })
      await runCli(['policy', 'lint', '--config', 'sallyport.yaml'], { terminal, version: 'test' })
      expect(terminal.output()).toContain('unknown-cluster')
    } finally {
      await service.close()
    }
  })
})
