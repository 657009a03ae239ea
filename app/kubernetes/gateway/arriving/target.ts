/** `/clusters/<name>/…`: which cluster, and what its API server will read. Pure. */
import type { Refusal } from '../gateway-call.ts'
import { refusal } from '../status.ts'

export interface Target {
  readonly cluster: string
  /** Begins with `/`; not decoded, not cleaned: the API server and the policy are to read the same. */
  readonly target: string
}

const prefix = '/clusters/'
/** What stands before the target of a call. */
export const clusterPath = (cluster: string): string => `${prefix}${cluster}`
/** RFC 1123: also a domain of the policy, and a name in files. */
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** What may stand in a request line. `#` may not, and there are two ways to read it. */
const visible = /^[\x21\x22\x24-\x7e]*$/
/** Room for the longest list of labels in a query. */
const longestTarget = 16 * 1024

export function readTarget(url: string): Target | Refusal {
  if (!url.startsWith('/')) return refusal(400, 'the target of the request is no path')
  if (url.length > longestTarget) return refusal(414, `the address is longer than ${longestTarget} characters`)
  if (!visible.test(url)) return refusal(400, 'the address has characters that cannot stand in one')
  if (!url.startsWith(prefix)) return refusal(404, 'there is nothing here: clusters are below /clusters/<name>')
  const end = url.slice(prefix.length).search(/[/?]/)
  const cluster = end < 0 ? url.slice(prefix.length) : url.slice(prefix.length, prefix.length + end)
  if (!label.test(cluster)) return refusal(400, 'this is no name of a cluster: a-z, 0-9 and -, at most 63')
  const rest = url.slice(prefix.length + cluster.length)
  return { cluster, target: rest.startsWith('/') ? rest : `/${rest}` }
}
