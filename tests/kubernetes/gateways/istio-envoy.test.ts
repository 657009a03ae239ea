/**
 * What `proxy-config istio` says over HTTP, in the real Envoy: the filter of its EnvoyFilter as it is printed, and the lists of
 * its provider as Istio turns them into ext_authz. The control plane is not run. The table of every proxy goes through it.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { parse, stringify } from 'yaml'
import { repositoryRoot } from '../../../cli/demo/paths.ts'
import type { ProxyTargets } from '../../../cli/demo/proxies/proxy-targets.ts'
import { requirePeer } from '../../peers.ts'
import { describeTable, policyDirectory } from '../../proxies/suite.ts'
import { objectsIn, type PrintingWorld, printingWorld } from './printed.ts'

describe.skipIf(requirePeer('envoy') === undefined)('Envoy, with what Istio is told', () => {
  let printing: PrintingWorld | undefined
  describeTable(async () => ({ proxy: 'envoy', policyDirectory, proxyFiles: filesOf }))
  afterAll(() => printing?.remove())

  async function filesOf(targets: ProxyTargets): Promise<string> {
    printing = printingWorld('', `http://${targets.authHost}:${targets.port}`)
    // A condition of the table reads a header of its own, which has to be among those that are printed.
    cpSync(join(policyDirectory, 'conditions.yaml'), join(printing.directory, 'policy', 'conditions.yaml'))
    const { files, folder } = await printing.print(
      'istio',
      ...['--check', 'http', '--host', 'wiki.localhost=wiki.apps:80', '--host', 'payroll.localhost=payroll.apps:80'],
    )
    cpSync(join(repositoryRoot, 'deploy', 'envoy'), folder, { recursive: true })
    change(join(folder, 'sallyport-drop.yaml'), () => dropOf(files['sallyport.yaml'] ?? ''))
    change(join(folder, 'sallyport-check-http.yaml'), filter => checkOf(filter, files['mesh-config.yaml'] ?? ''))
    return folder
  }
})

type Filter = Readonly<Record<string, unknown>>

/** Puts another configuration into the only filter of a file. */
function change(file: string, make: (filter: Filter) => Filter): void {
  const { resources } = parse(readFileSync(file, 'utf8')) as { resources: { typed_config: Filter }[] }
  const changed = resources.map(resource => ({ ...resource, typed_config: make(resource.typed_config) }))
  writeFileSync(file, stringify({ resources: changed }))
}

interface Patch {
  readonly applyTo: string
  readonly patch: { readonly value: { readonly typed_config: Filter } }
}

function dropOf(text: string): Filter {
  const patches = objectsIn(text).flatMap(({ kind, spec }) =>
    kind === 'EnvoyFilter' ? (spec.configPatches as readonly Patch[]) : [],
  )
  const patch = patches.find(({ applyTo }) => applyTo === 'HTTP_FILTER')
  if (patch === undefined) throw new Error('no filter is printed')
  return patch.patch.value.typed_config
}

interface Provider {
  readonly pathPrefix: string
  readonly failOpen: boolean
  readonly clearRouteCache: boolean
  readonly statusOnError: string
  readonly includeRequestHeadersInCheck: readonly string[]
  readonly headersToUpstreamOnAllow: readonly string[]
  readonly headersToDownstreamOnAllow: readonly string[]
}

/** As Istio does it: names are compared without regard to case, and nothing is disallowed. */
function checkOf(filter: Filter, mesh: string): Filter {
  const [{ envoyExtAuthzHttp }] = parse(mesh).meshConfig.extensionProviders
  const provider = envoyExtAuthzHttp as Provider
  const patterns = (names: readonly string[]) => ({ patterns: names.map(exact => ({ exact, ignore_case: true })) })
  const { disallowed_headers: _none, ...rest } = filter
  return {
    ...rest,
    failure_mode_allow: provider.failOpen,
    clear_route_cache: provider.clearRouteCache,
    status_on_error: { code: Number(provider.statusOnError) },
    allowed_headers: patterns(provider.includeRequestHeadersInCheck),
    http_service: {
      ...(filter.http_service as object),
      path_prefix: provider.pathPrefix,
      authorization_response: {
        allowed_upstream_headers: patterns(provider.headersToUpstreamOnAllow),
        allowed_client_headers_on_success: patterns(provider.headersToDownstreamOnAllow),
      },
    },
  }
}
