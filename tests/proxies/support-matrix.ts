/**
 * `npm run matrix`: docs/proxies/support-matrix.md, from what a run of the scenario table said. Nothing of the page is written by
 * hand, and a scenario that did not run behind a proxy is said to be missing.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ProxyKind, programOf, proxyKinds } from '../../cli/demo/proxies/proxies.ts'

export const matrixFile = join(import.meta.dirname, '../../docs/proxies/support-matrix.md')

/** In the place of a sign, where a proxy does not speak it. */
export type Lacking = 'no HTTP/2' | 'no HTTP/3'

/** What vitest's reporter `json` writes, as far as it is read here. */
export interface RunResult {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[]
      readonly title: string
      readonly status: string
    }[]
  }[]
}

const headings: Readonly<Record<ProxyKind, string>> = {
  nginx: 'NGINX',
  traefik: 'Traefik',
  caddy: 'Caddy',
  envoy: 'Envoy, HTTP',
  'envoy-grpc': 'Envoy, gRPC',
  haproxy: 'HAProxy',
  'built-in': 'built-in',
}

const versionArguments: Readonly<Record<string, readonly string[]>> = {
  nginx: ['-v'],
  traefik: ['version'],
  caddy: ['version'],
  envoy: ['--version'],
  haproxy: ['-v'],
}

/** As the program says it; the built-in proxy is that of the same commit. */
function versionOf(kind: ProxyKind): string {
  const args = versionArguments[programOf(kind)]
  if (args === undefined) return 'Node'
  // NGINX says it on the standard error.
  const said = execFileSync('sh', ['-c', `exec "$0" "$@" 2>&1`, programOf(kind), ...args], { encoding: 'utf8' })
  // Envoy says first where it is, and there may be the version of a Python in that.
  return /\d+\.\d+\.\d+/.exec(said.replaceAll(/\S+\/bin\/\S+/g, ''))?.[0] ?? 'unknown'
}

/** One line of the page. */
export interface MatrixRow {
  readonly name: string
  /** The proxies to which it applies, and what all others lack. Absent: all. */
  readonly only?: { readonly kinds: readonly ProxyKind[]; readonly lacking: Lacking }
}

/** The page; `scenarios` in the order of the table. Throws for a scenario that failed: there is no page of a run that did. */
export function matrixPage(
  scenarios: readonly MatrixRow[],
  result: RunResult,
  version: (kind: ProxyKind) => string = versionOf,
): string {
  const statuses = statusesOf(result)
  const cell = (kind: ProxyKind, { name, only }: MatrixRow): string => {
    if (only?.kinds.includes(kind) === false) return only.lacking
    const found = statuses.get(`${kind} ${name}`) ?? []
    if (found.includes('failed')) throw new Error(`failed behind ${kind}: ${name}`)
    return found.includes('passed') ? '✓' : '– (did not run)'
  }
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    '# What holds behind which proxy',
    '',
    'Written by `npm run matrix` from a run of the scenarios in `tests/proxies`, each behind the real program with the files of',
    '[`deploy/`](../../deploy), as it was that day. Sessions were in the embedded store, and in Redis where one was there. The built-in',
    'proxy is that of `npm run demo`. What is said of HTTP/2 ran with what `sallyport proxy-config` prints for TLS, and of HTTP/3 with',
    '`--http3`; NGINX has that from 1.25 on, and HAProxy where it is built with QUIC (`haproxy -vv`), which the ones here are not.',
    '',
    row(['', ...proxyKinds.map(kind => headings[kind])]),
    row(['---', ...proxyKinds.map(() => '---')]),
    row(['version', ...proxyKinds.map(version)]),
    ...scenarios.map(one => row([one.name.replaceAll('|', '\\|'), ...proxyKinds.map(kind => cell(kind, one))])),
    '',
  ].join('\n')
}

/** By kind and scenario, one for each store. */
function statusesOf({ testResults }: RunResult): ReadonlyMap<string, readonly string[]> {
  const statuses = new Map<string, string[]>()
  for (const { ancestorTitles, title, status } of testResults.flatMap(file => file.assertionResults)) {
    const kind = /(?:^|\s)(\S+) in front/.exec(ancestorTitles.join(' ').trim())?.[1]
    if (kind === undefined) continue
    const key = `${kind} ${title}`
    statuses.set(key, [...(statuses.get(key) ?? []), status])
  }
  return statuses
}

/** `file`: of the run. */
export function writeMatrix(scenarios: readonly MatrixRow[], file: string): void {
  writeFileSync(matrixFile, matrixPage(scenarios, JSON.parse(readFileSync(file, 'utf8')) as RunResult))
}
