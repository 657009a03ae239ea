/** The issuers of bearer tokens as the rest of the service sees them. */
import { resolve } from 'node:path'
import type { ParsedSettings } from './schema/schema.ts'

type ParsedMachines = NonNullable<ParsedSettings['machines']>

/** Where the keys of an issuer come from. Paths are absolute; what the files hold may change at any time. */
export type IssuerKeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'address'; readonly url: string; readonly caPath?: string; readonly tokenPath?: string }
  | { readonly kind: 'discovery'; readonly caPath?: string }

export const toMachines = ({ issuers = [], certificates = [], exchange }: ParsedMachines, directory: string) => ({
  issuers: issuers.map(issuer => toIssuer(issuer, directory)),
  certificates: certificates.map(({ caFile, ...rest }) => ({ ...rest, caPath: resolve(directory, caFile) })),
  ...(exchange !== undefined && { exchange: { lifetimeSeconds: exchange.lifetime, people: exchange.people } }),
})

function toIssuer(parsed: NonNullable<ParsedMachines['issuers']>[number], directory: string) {
  const { jwksUri, jwksFile, caFile, tokenFile, maxLifetime, clockTolerance, cluster, ...others } = parsed
  const { introspection, review, ...rest } = others
  return {
    ...rest,
    keys: toKeySource({ jwksUri, jwksFile, caFile, tokenFile }, directory),
    maxLifetimeSeconds: maxLifetime,
    clockToleranceSeconds: clockTolerance,
    cluster: cluster ?? rest.name,
    ...(introspection !== undefined && { introspection: toIntrospection(introspection) }),
    ...(review !== undefined && { review: toReview(review, directory) }),
  }
}

interface KeyPlace {
  readonly jwksUri: string | undefined
  readonly jwksFile: string | undefined
  readonly caFile: string | undefined
  readonly tokenFile: string | undefined
}

/** config/checks/machines-checks.ts has made sure that these go together. */
function toKeySource({ jwksUri, jwksFile, caFile, tokenFile }: KeyPlace, directory: string): IssuerKeySource {
  if (jwksFile !== undefined) return { kind: 'file', path: resolve(directory, jwksFile) }
  const authority = caFile === undefined ? {} : { caPath: resolve(directory, caFile) }
  if (jwksUri === undefined) return { kind: 'discovery', ...authority }
  const token = tokenFile === undefined ? {} : { tokenPath: resolve(directory, tokenFile) }
  return { kind: 'address', url: jwksUri, ...authority, ...token }
}

type ParsedIssuer = NonNullable<ParsedMachines['issuers']>[number]

/** config/checks/machines-checks.ts has made sure that there is a secret. */
function toIntrospection(parsed: NonNullable<ParsedIssuer['introspection']>) {
  const { clientSecretFile: _file, clientSecret = '', cacheFor, ...rest } = parsed
  return { ...rest, clientSecret, cacheForSeconds: cacheFor }
}

function toReview({ server, caFile, tokenFile, cacheFor }: NonNullable<ParsedIssuer['review']>, directory: string) {
  return {
    server,
    ...(caFile !== undefined && { caPath: resolve(directory, caFile) }),
    tokenPath: resolve(directory, tokenFile),
    cacheForSeconds: cacheFor,
  }
}
