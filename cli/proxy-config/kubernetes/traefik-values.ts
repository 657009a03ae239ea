/** Traefik: the flags that it is started with. Pure. */
import type { ClusterQuestion } from './cluster-question.ts'
import { type Lines, manifest } from './manifest.ts'

/** The names that the chart gives to entry points. */
const entryPoints = ['web', 'websecure'] as const

export function traefikValues({ hosts, balancers }: ClusterQuestion): Lines {
  const encoded = hosts.some(({ encodedSlash }) => encodedSlash)
  return manifest`
additionalArguments:
  # Nobody's routes use what is in another namespace.
  - --providers.kubernetescrd.allowcrossnamespace=false
  # Many applications read Remote_User, Remote.User and Remote!User all as Remote-User (CVE-2026-39858, CVE-2026-54763,
  # CVE-2026-88879).
  ${onEach('http.aliasheadersstrategy=delete')}
  # Dot segments are resolved before routing and before the check; what an application could decode to another path than the
  # one that was checked is refused.
  ${onEach('http.sanitizepath=true')}
  ${slashes(encoded)}
  ${onEach('http.encodedcharacters.allowencodedbackslash=false')}
  ${onEach('http.encodedcharacters.allowencodednullcharacter=false')}
  ${onEach('http.encodedcharacters.allowencodedsemicolon=false')}
  ${trusted(balancers)}`
}

const onEach = (setting: string): readonly string[] => entryPoints.map(name => `--entrypoints.${name}.${setting}`)

const slashes = (encoded: boolean): Lines =>
  encoded
    ? manifest`
# canonical.allowEncodedSlash names a host whose application needs %2F; Sallyport refuses it on every other host.
${onEach('http.encodedcharacters.allowencodedslash=true')}`
    : manifest`
${onEach('http.encodedcharacters.allowencodedslash=false')}`

const trusted = (balancers: readonly string[]): Lines =>
  balancers.length === 0
    ? manifest`
# No forwardedheaders.trustedips: X-Forwarded-* of a client are dropped.`
    : manifest`
# What these say of client and scheme counts, and what anybody else says never does.
${onEach(`forwardedheaders.trustedips=${balancers.join(',')}`)}`
