/**
 * The real Traefik with its provider for objects of a cluster: what `proxy-config traefik-crd` prints is applied to a real API
 * server, Traefik reads it from there, and the table of every proxy is run through it. Two things stand in for a cluster's
 * network: Services are names of this machine, and the address of the check is one of it.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { parse } from 'yaml'
import type { ProxyTargets } from '../../../cli/demo/proxies/proxy-targets.ts'
import { freePort, requirePeer } from '../../peers.ts'
import { describeTable, policyDirectory } from '../../proxies/suite.ts'
import { type RunningCluster, startCluster } from '../cluster.ts'
import { requireClusterPrograms } from '../programs.ts'
import { requireCustomResources } from './custom-resources.ts'
import { addKinds, applied, must } from './kinds.ts'
import { type PrintingWorld, printingWorld } from './printed.ts'

const programs = requireClusterPrograms()
const kinds = requireCustomResources()
const isAbsent = programs === undefined || kinds === undefined || requirePeer('traefik') === undefined

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(':') + 1))

const service = (namespace: string, name: string, address: string): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port: portOf(address) }] },
})

/** Where people log in, which is not ours. */
const providerRoute = (port: number): object => ({
  apiVersion: 'traefik.io/v1alpha1',
  kind: 'IngressRoute',
  metadata: { name: 'provider', namespace: 'apps' },
  spec: { routes: [{ kind: 'Rule', match: 'Host(`idp.localhost`)', services: [{ name: 'provider', port }] }] },
})

describe.skipIf(isAbsent)('Traefik, by objects of a cluster', () => {
  let cluster: RunningCluster | undefined
  let world: PrintingWorld | undefined
  describeTable(async () => {
    if (programs === undefined || kinds === undefined) throw new Error('no programs')
    const started = await startCluster(programs)
    cluster = started
    return { proxy: 'traefik', policyDirectory, proxyFiles: targets => filesOf(started, kinds, targets) }
  })
  afterAll(async () => {
    await cluster?.stop()
    world?.remove()
  })

  /** Applies what is printed, and gives a folder with the flags, as the variables that the demo starts Traefik with. */
  async function filesOf(
    running: RunningCluster,
    definitions: readonly string[],
    targets: ProxyTargets,
  ): Promise<string> {
    const printing = printingWorld('', `http://${targets.authHost}:${targets.port}`)
    world = printing
    await addKinds(running, definitions, printing.directory)
    const { files, folder } = await printing.print(
      'traefik-crd',
      ...['--host', `wiki.localhost=wiki.apps:${portOf(targets.wikiAddress)}`],
      ...['--host', `payroll.localhost=payroll.apps:${portOf(targets.payrollAddress)}`],
      ...['--sallyport', `sallyport.sallyport:${portOf(targets.authAddress)}`],
    )
    for (const name of ['apps', 'sallyport', 'traefik']) await running.createNamespace(name)
    await applied(running, withoutService(files['sallyport.yaml'] ?? '', targets))
    const stand = [
      service('sallyport', 'sallyport', targets.authAddress),
      service('apps', 'wiki', targets.wikiAddress),
      service('apps', 'payroll', targets.payrollAddress),
      service('apps', 'provider', targets.providerAddress),
      providerRoute(portOf(targets.providerAddress)),
    ]
    await applied(running, stand.map(object => `---\n${JSON.stringify(object)}\n`).join(''))
    const variables = {
      ...variablesOf(files['traefik-values.yaml'] ?? ''),
      ...(await accessOf(running, printing.directory)),
    }
    mkdirSync(join(folder, 'dynamic'))
    const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(join(folder, 'traefik.env'), lines.join(''))
    return folder
  }
})

/** All but the Service, whose pods are not there; the name of the check is none that this machine knows. */
function withoutService(text: string, { authAddress }: ProxyTargets): string {
  const address = /http:\/\/sallyport\.sallyport\.svc\.cluster\.local:\d+/g
  const documents = text.replace(address, `http://${authAddress}`).split(/^---\n/m)
  return documents.filter(document => !/^kind: Service$/m.test(document)).join('---\n')
}

/** `--a.b=c` is `TRAEFIK_A_B=c` to Traefik, which reads either and not both. */
function variablesOf(values: string): Readonly<Record<string, string>> {
  const flags: readonly string[] = parse(values).additionalArguments
  return Object.fromEntries(
    flags.map(flag => {
      const [, name = '', value = ''] = /^--([a-z.]+)=(.*)$/.exec(flag) ?? []
      return [`TRAEFIK_${name.replaceAll('.', '_').toUpperCase()}`, value]
    }),
  )
}

/** With an account of the cluster that may read what Traefik reads. */
async function accessOf(running: RunningCluster, directory: string): Promise<Readonly<Record<string, string>>> {
  await must(running, ['--namespace', 'traefik', 'create', 'serviceaccount', 'traefik'])
  const holder = ['--clusterrole=cluster-admin', '--serviceaccount=traefik:traefik']
  await must(running, ['create', 'clusterrolebinding', 'traefik', ...holder])
  const authority = join(directory, 'authority.pem')
  writeFileSync(authority, running.authority)
  return {
    TRAEFIK_ENTRYPOINTS_WEBSECURE_ADDRESS: `127.0.0.1:${await freePort()}`,
    TRAEFIK_PROVIDERS_KUBERNETESCRD_ENDPOINT: running.url,
    TRAEFIK_PROVIDERS_KUBERNETESCRD_CERTAUTHFILEPATH: authority,
    TRAEFIK_PROVIDERS_KUBERNETESCRD_TOKEN: await running.serviceAccountToken('traefik', 'traefik'),
    TRAEFIK_PROVIDERS_KUBERNETESCRD_ALLOWEXTERNALNAMESERVICES: 'true',
    TRAEFIK_GLOBAL_CHECKNEWVERSION: 'false',
    TRAEFIK_GLOBAL_SENDANONYMOUSUSAGE: 'false',
    TRAEFIK_LOG_LEVEL: 'WARN',
  }
}
