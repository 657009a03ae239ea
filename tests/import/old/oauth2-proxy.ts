/** What oauth2-proxy decides at one host, read from its documentation. */
import type { Asked, Question } from './questions.ts'
import { isIn } from './questions.ts'

export const oauth2ProxyHost = 'app.example.com'

type Settings = Readonly<Record<string, unknown>>

function readToml(text: string): Settings {
  const joined = text
    .split('\n')
    .filter(line => !/^\s*#/.test(line))
    .join('\n')
  const found = joined.matchAll(/^([a-z0-9_]+) = (\[[^\]]*(?:\[[^\]]*\][^\]]*)*\]|"(?:[^"\\]|\\.)*"|true|false)$/gm)
  return Object.fromEntries(
    [...found].map(([, key = '', value = '']) => [key, JSON.parse(value.replace(/,\s*\]$/, ']'))]),
  )
}

const listOf = (value: unknown): readonly string[] =>
  value === undefined || value === '' ? [] : ([value].flat() as string[])

export function readOauth2Proxy(
  text: string,
  emails: string,
): { asked: Asked; allows: (question: Question) => boolean } {
  const settings = readToml(text)
  const { provider } = settings
  const listed = settings.authenticated_emails_file === undefined ? [] : emails.split('\n')
  const routes = [...listOf(settings.skip_auth_routes), ...listOf(settings.skip_auth_regex)]
  const isOpen = ({ path, method, who }: Question): boolean =>
    routes.some(route => {
      const [, only, not, pattern = ''] = /^(?:([A-Z]+)(!?)=)?(.*)$/.exec(route) ?? []
      return (only === undefined || (only === method) !== (not === '!')) && new RegExp(pattern).test(path)
    }) ||
    (settings.skip_auth_preflight === true && method === 'OPTIONS') ||
    listOf(settings.trusted_ips).some(network => isIn(network, who.address))
  const isAddress = ({ who: { email } }: Question): boolean =>
    listed.includes(email) ||
    listOf(settings.email_domains).some(domain => {
      const own = email.split('@')[1] ?? ''
      if (domain === '*' || own === domain) return true
      return /^\*?\./.test(domain) && own.endsWith(domain.replace(/^\*/, ''))
    })
  const isMember = ({ who }: Question): boolean => {
    const roles = [
      ...who.realmRoles,
      ...Object.entries(who.clientRoles).flatMap(([id, names]) => names.map(name => `${id}:${name}`)),
    ]
    const wanted = [
      ...listOf(settings.allowed_groups).map(group => who.groups.includes(group)),
      ...(provider === 'keycloak' ? listOf(settings.keycloak_groups).map(group => who.groups.includes(group)) : []),
      ...(provider === 'keycloak-oidc' ? listOf(settings.allowed_roles).map(role => roles.includes(role)) : []),
    ]
    const elsewhere = ['github_org', 'gitlab_groups', 'google_groups'].flatMap(key => listOf(settings[key]))
    return (
      (wanted.length === 0 || wanted.includes(true)) &&
      (elsewhere.length === 0 || elsewhere.some(name => who.elsewhere.includes(name)))
    )
  }
  return {
    asked: { hosts: [oauth2ProxyHost], paths: routes.map(route => route.replace(/^[A-Z]+!?=/, '')) },
    allows: question =>
      question.host === oauth2ProxyHost &&
      (isOpen(question) || (question.who.login !== undefined && isAddress(question) && isMember(question))),
  }
}
