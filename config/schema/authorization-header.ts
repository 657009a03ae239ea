/** What an application gets as `Authorization: Bearer`, as an operator writes it: `assertion`, or `kube:<cluster>`. */
import { parseClusterName } from './values.ts'

export type AuthorizationHeader =
  | { readonly kind: 'assertion' }
  | {
      readonly kind: 'cluster'
      /** Name of a cluster behind the gateway. */
      readonly cluster: string
    }

const prefix = 'kube:'

/** Throws a `RangeError` for anything else. */
export function parseAuthorizationHeader(text: string): AuthorizationHeader {
  if (text === 'assertion') return { kind: 'assertion' }
  if (!text.startsWith(prefix)) throw new RangeError('it is neither assertion nor kube: and the name of a cluster')
  return { kind: 'cluster', cluster: parseClusterName(text.slice(prefix.length)) }
}

/** The cluster that a text names, whatever its form; `undefined` where it names none. */
export const clusterNamed = (text: string): string | undefined =>
  text.startsWith(prefix) ? text.slice(prefix.length) : undefined
