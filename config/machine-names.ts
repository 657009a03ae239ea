/** Whose machines there can be, and where, for rows that name one. */
import type { Config } from './config.ts'
import { createHostSettings } from './host-settings.ts'
import { hostHeaderNames } from './schema/header-presets.ts'

/** Absent where no token of a machine counts. */
export function machineNamesOf({ machines }: Pick<Config, 'machines'>) {
  if (machines === undefined) return {}
  const clusters = machines.issuers.filter(({ kind }) => kind === 'kubernetes').map(({ cluster }) => cluster)
  const issuers = machines.issuers.filter(({ kind }) => kind !== 'kubernetes').map(({ name }) => name)
  const certificates = machines.certificates.map(({ name }) => name)
  return { machines: { issuers, clusters, certificates } }
}

/** What applications may ask about, for rows about their objects; absent where nobody can ask. */
export const applicationNamesOf = ({ authzen }: Pick<Config, 'authzen'>) =>
  authzen === undefined ? {} : { applications: authzen.applications }

/** Whom conditions may ask. */
export const deciderNamesOf = ({ policy }: Pick<Config, 'policy'>) => ({
  deciders: policy.deciders.map(({ name }) => name),
})

/** What hosts are told beside the usual headers, which no condition can read. */
export const writtenHeadersOf = (config: Pick<Config, 'hosts'>) => ({
  writtenHeaders: hostHeaderNames(config).map(name => name.toLowerCase()),
})

/** For findings about rows that nothing can meet. */
export function knownTokensOf(config: Pick<Config, 'hosts' | 'machines' | 'kubernetes' | 'directClusters'>) {
  const { hosts, machines, kubernetes, directClusters } = config
  const settingsOf = createHostSettings(hosts)
  const namesOf = new Map((machines?.issuers ?? []).map(issuer => [issuer.name, prefixOf(issuer)]))
  return {
    hosts: hosts.map(({ host }) => host),
    takenOn(host: string) {
      const { bearerFrom = [], certificateFrom = [] } = settingsOf(host)
      const authorities = certificateFrom.map(name => `certificate:${name}`)
      return {
        takesOwn: bearerFrom.includes('sallyport'),
        from: [...bearerFrom.flatMap(name => namesOf.get(name) ?? []), ...authorities],
      }
    },
    isExchanged: machines?.exchange !== undefined,
    clusters: (kubernetes?.clusters ?? []).map(({ name }) => name),
    directClusters: (directClusters?.clusters ?? []).map(({ name }) => name),
  }
}

type Issuer = NonNullable<Config['machines']>['issuers'][number]

const prefixOf = ({ kind, cluster, name }: Issuer): string =>
  kind === 'kubernetes' ? `service-account:${cluster}` : `client:${name}`
