/** What of the service a configuration uses: asked before the code of it is loaded. */
import type { Config } from '../../config/config.ts'

export const hasClusters = ({ kubernetes, directClusters }: Config): boolean =>
  kubernetes !== undefined || directClusters !== undefined

/** Whether people get tokens of hosts out of their login. */
export const takesLogins = ({ machines }: Config): boolean => machines?.exchange?.people === true

/** Whether people may log a command line in: for clusters, or for tokens of hosts. */
export const hasGrants = (config: Config): boolean => hasClusters(config) || takesLogins(config)

export const hasExchange = ({ machines }: Config): boolean => machines?.exchange !== undefined

/** Assertions, the tokens of kubectl and those that are exchanged are signed by the same keys. */
export const needsKeys = (config: Config): boolean =>
  config.assertion.enabled || hasGrants(config) || hasExchange(config)

/** Whether a host, or who asks by AuthZEN, takes tokens of an issuer, or a workload sends its own to the token endpoint. */
export function takesTokens({ authzen, hosts, kubernetes, machines }: Config): boolean {
  if (machines === undefined) return false
  const isTaken = [...hosts, authzen].some(place => place?.bearerFrom !== undefined)
  return isTaken || (machines.exchange !== undefined && kubernetes !== undefined)
}

/** Whether a host, or who asks by AuthZEN, takes client certificates of machines. */
export function takesCertificates({ authzen, hosts, machines, server }: Config): boolean {
  if (machines === undefined || server.clientCertificateHeader === undefined) return false
  return [...hosts, authzen].some(place => place?.certificateFrom !== undefined)
}
