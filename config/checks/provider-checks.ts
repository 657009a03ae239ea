/** What providers need beyond the form of each of their settings. */
import { belongTogether } from '../schema/client-keys.ts'
import { checkPresetIssuers } from '../schema/provider-presets.ts'
import { type CrossFinding, checkSecretForms } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'

export function checkProviders(tree: Tree): CrossFinding[] {
  const providers = getIn(tree, ['providers'])
  if (!Array.isArray(providers)) return []
  const names = providers.map((_, index) => getIn(tree, ['providers', index, 'name']))
  return [
    ...providers.flatMap((_, index): CrossFinding[] => [
      ...checkCredentials(tree, ['providers', index]),
      ...checkOverage(tree, ['providers', index]),
      ...checkParameterNames(tree, ['providers', index, 'authorizationParameters']),
      ...(names[index] !== undefined && names.indexOf(names[index]) < index
        ? [{ path: ['providers', index, 'name'], message: 'expected a name of its own, got that of another provider' }]
        : []),
    ]),
    ...checkPresetIssuers(tree),
    ...checkEmailDomains(tree, providers.length),
  ]
}

interface Needs {
  readonly clientSecret: boolean
  readonly clientKey: boolean
  readonly clientCertificate: boolean
}

const secretNeeded: Needs = { clientSecret: true, clientKey: false, clientCertificate: false }
const needsOf: Readonly<Record<string, Needs>> = {
  auto: secretNeeded,
  client_secret_basic: secretNeeded,
  client_secret_post: secretNeeded,
  private_key_jwt: { clientSecret: false, clientKey: true, clientCertificate: false },
  tls_client_auth: { clientSecret: false, clientKey: true, clientCertificate: true },
  none: { clientSecret: false, clientKey: false, clientCertificate: false },
}

// A secret that is set and not used looks like a protection that is there.
function checkCredentials(tree: Tree, entry: Path): CrossFinding[] {
  const method = String(getIn(tree, [...entry, 'clientAuthentication']) ?? 'auto')
  if (!Object.hasOwn(needsOf, method)) return []
  const needs = needsOf[method] ?? secretNeeded
  const unused = (name: 'clientSecret' | 'clientKey' | 'clientCertificate'): CrossFinding[] => {
    // An assertion may name a certificate.
    const mayBeThere = needs[name] || (name === 'clientCertificate' && method === 'private_key_jwt')
    const path = [
      [...entry, name],
      [...entry, `${name}File`],
    ].find(each => getIn(tree, each) !== undefined)
    if (mayBeThere || path === undefined) return []
    return [{ path, message: `is not used: clientAuthentication is ${method}` }]
  }
  return [
    ...(['clientSecret', 'clientKey', 'clientCertificate'] as const).flatMap(name => [
      ...checkSecretForms(tree, entry, name, needs[name]),
      ...unused(name),
    ]),
    ...checkPair(tree, entry),
  ]
}

function checkPair(tree: Tree, entry: Path): CrossFinding[] {
  const key = textAt(tree, [...entry, 'clientKey'])
  const path = [...entry, 'clientCertificate']
  const certificate = textAt(tree, path)
  if (key === undefined || certificate === undefined || belongTogether(certificate, key) !== false) return []
  return [{ path, message: 'expected the certificate of clientKey, got that of another key' }]
}

// An access token that was issued for somebody else would be sent to Microsoft.
function checkOverage(tree: Tree, entry: Path): CrossFinding[] {
  const path = [...entry, 'groupsOverage']
  if (getIn(tree, path) !== 'graph') return []
  const issuer = textAt(tree, [...entry, 'issuer'])
  if (issuer === undefined || isMicrosoft(issuer)) return []
  return [
    { path, message: 'expected refuse: the issuer is not Microsoft Entra ID, so Microsoft Graph knows nobody of it' },
  ]
}

/** Issuers whose Graph is known to app/login/provider/group-overage.ts. */
const isMicrosoft = (issuer: string): boolean =>
  /^https:\/\/(?:login\.microsoftonline\.(?:com|us)|sts\.windows\.net|login\.partner\.microsoftonline\.cn)\//.test(
    issuer,
  )

// One of the two would be sent, and nobody could tell which.
function checkParameterNames(tree: Tree, path: Path): CrossFinding[] {
  const parameters = getIn(tree, path)
  if (!Array.isArray(parameters)) return []
  const names = parameters.map(parameter => (typeof parameter === 'string' ? parameter.split('=')[0] : undefined))
  return names.flatMap((name, index): CrossFinding[] => {
    if (name === undefined || names.indexOf(name) === index) return []
    return [{ path: [...path, index], message: 'expected a name of its own, got that of another parameter' }]
  })
}

// People of one domain would be sent to one of the two by chance.
function checkEmailDomains(tree: Tree, count: number): CrossFinding[] {
  const seen = new Set<string>()
  const lists = Array.from({ length: count }, (_, index): Path => ['providers', index, 'emailDomains'])
  return lists.flatMap(list => {
    const domains = getIn(tree, list)
    return (Array.isArray(domains) ? domains : []).flatMap((domain, index): CrossFinding[] => {
      const name = String(domain).toLowerCase()
      const isTaken = seen.has(name)
      seen.add(name)
      return isTaken
        ? [{ path: [...list, index], message: 'expected a domain of its own, got one that is named above' }]
        : []
    })
  })
}
