/** Where the keys of an issuer of bearer tokens are read: a file, an address, or what its discovery document names. */
import { readFile } from 'node:fs/promises'

/** Gives the text of an https answer; bounded in time and size. */
export type FetchText = (url: string, headers: Readonly<Record<string, string>>) => Promise<string>

export type KeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'address'; readonly url: string; readonly tokenPath?: string }
  | { readonly kind: 'discovery' }

/** Rejects when they cannot be read. `fetch` is not used for a file. */
export function createKeySource(source: KeySource, issuer: string, fetch: FetchText): () => Promise<unknown> {
  switch (source.kind) {
    case 'file':
      return async () => parseJson(await readFile(source.path, 'utf8'))
    case 'address':
      return async () => parseJson(await fetch(source.url, await headersFor(source.tokenPath)))
    case 'discovery':
      return async () => parseJson(await fetch(await discoverAddress(issuer, 'jwks_uri', fetch), json))
  }
}

const json: Readonly<Record<string, string>> = { Accept: 'application/json, application/jwk-set+json' }

async function headersFor(tokenPath: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (tokenPath === undefined) return json
  return { ...json, Authorization: `Bearer ${await readCredential(tokenPath)}` }
}

/** The token in a file. Threat: one that no header can hold, for then the error of `fetch` quotes it. */
export async function readCredential(path: string): Promise<string> {
  const credential = (await readFile(path, 'utf8')).trim()
  if (!/^[\x21-\x7e]+$/.test(credential)) throw new Error(`${path} holds no token`)
  return credential
}

/** Threat: the error for what is no JSON, which quotes it: a secret in the wrong file, or one that the server says again. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('expected JSON')
  }
}

/** What a discovery document names here, and the setting that names it in its place. */
const settingFor = { jwks_uri: 'jwksUri', introspection_endpoint: 'introspection.endpoint' } as const

/**
 * Threat: a discovery document that names keys of somebody else, or somebody who would read tokens. It has to be that of this
 * very issuer, and the address has to be on the same host, under the same scheme. Rejects with `Error` for every other one.
 */
export async function discoverAddress(
  issuer: string,
  name: keyof typeof settingFor,
  fetch: FetchText,
): Promise<string> {
  const document = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const found = parseJson(await fetch(document, json)) as Readonly<Record<string, unknown>> | null
  if (found?.issuer !== issuer) throw new Error('the discovery document is that of another issuer')
  const address = found[name]
  if (typeof address !== 'string' || !URL.canParse(address)) {
    throw new Error(`the discovery document names no ${name}`)
  }
  if (new URL(address).origin !== new URL(issuer).origin) {
    throw new Error(`${name} is on another host than the issuer: ${settingFor[name]} has to name it`)
  }
  return address
}
