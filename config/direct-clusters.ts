/** Names of the clusters with `access: direct`, by what becomes of rows that cannot apply there. */
import type { Config } from './config.ts'

type Chosen = Pick<Config, 'directClusters'>

export const strictClustersOf = ({ directClusters }: Chosen): readonly string[] => namesOf(directClusters, false)
export const laxClustersOf = ({ directClusters }: Chosen): readonly string[] => namesOf(directClusters, true)

const namesOf = (direct: Chosen['directClusters'], accepts: boolean): readonly string[] =>
  (direct?.clusters ?? []).filter(({ acceptsUnusedRows }) => acceptsUnusedRows === accepts).map(({ name }) => name)
