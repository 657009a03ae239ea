/** Whose machines there can be, for rows that name one: absent where no token of a machine counts. */
import type { Config } from './config.ts'

export function machineNamesOf({ machines }: Pick<Config, 'machines'>) {
  if (machines === undefined) return {}
  const clusters = machines.issuers.filter(({ kind }) => kind === 'kubernetes').map(({ cluster }) => cluster)
  const issuers = machines.issuers.filter(({ kind }) => kind !== 'kubernetes').map(({ name }) => name)
  const certificates = machines.certificates.map(({ name }) => name)
  return { machines: { issuers, clusters, certificates } }
}
