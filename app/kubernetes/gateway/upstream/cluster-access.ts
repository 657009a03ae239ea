/** How the gateway reaches a cluster and proves itself to it, as whoever configured it says. */

/** Text in PEM, or the file that has it, which may be exchanged at any time. */
export type Pem = { readonly text: string } | { readonly file: string }

export type ClusterCredential =
  | { readonly kind: 'certificate'; readonly certificate: Pem; readonly key: Pem }
  | { readonly kind: 'token'; readonly token: string }
  /** Read again whenever it changes: tokens of service accounts live an hour. */
  | { readonly kind: 'token-file'; readonly file: string }

export interface ClusterAccess {
  /** https, with a path where the API server is below one. */
  readonly server: string
  /** Who vouches for the server. Default: the authorities that Node knows. */
  readonly authority?: Pem
  /** The name in the server's certificate. Default: the host of `server`. */
  readonly serverName?: string
  readonly credential: ClusterCredential
}

/** Throws for what is no `https` URL: a credential would travel for everybody to read. */
export function serverUrl(server: string): URL {
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (url?.protocol !== 'https:' || url.username !== '' || url.search !== '' || url.hash !== '')
    throw new Error(
      `the server of a cluster is an https URL without user, query and fragment, not ${url?.origin ?? 'this'}`,
    )
  return url
}
