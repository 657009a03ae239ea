/**
 * The programs of a cluster, which `tests/kubernetes/install` puts in place; `.ci/run` calls it. A machine without them
 * passes the tests: they are skipped and the reason printed; with REQUIRE_PEERS=1 they fail.
 */
import { absentPrograms, type ClusterPrograms, clusterPrograms } from '../../cli/demo/cluster/programs.ts'

export type { ClusterPrograms }

/** Its paths; when one is absent prints the reason, or throws with REQUIRE_PEERS=1. */
export function requireClusterPrograms(): ClusterPrograms | undefined {
  const programs = clusterPrograms()
  const missing = absentPrograms(programs, ['1.37', '1.36', '1.20'])
  if (missing.length === 0) return programs
  const reason = `a cluster needs ${missing.join(', ')} (tests/kubernetes/install puts them there)`
  if (process.env.REQUIRE_PEERS === '1') throw new Error(`${reason}, and REQUIRE_PEERS=1 demands it`)
  process.stderr.write(`skipped: ${reason}\n`)
  return undefined
}
