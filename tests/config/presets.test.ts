/** Presets: what each sets, that an entry goes before it, and that its page in docs/providers says the same. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatProblems } from '../../config/problems.ts'
import { type PresetName, presetNames, providerPresets } from '../../config/schema/provider-presets.ts'
import { showSettings } from '../../config/show.ts'
import { loadText, problemsOf } from './load-text.ts'

const tenant = '8f1f3d4e-0000-4000-8000-0123456789ab'
/** An issuer that the provider can have. */
const issuers: Readonly<Record<PresetName, string>> = {
  generic: 'https://idp.example.com',
  keycloak: 'https://sso.example.com/realms/main',
  dex: 'https://dex.example.com',
  authelia: 'https://auth.example.org',
  authentik: 'https://authentik.example.com/application/o/sallyport/',
  'entra-id': `https://login.microsoftonline.com/${tenant}/v2.0`,
  google: 'https://accounts.google.com',
  okta: 'https://example.okta.com',
  auth0: 'https://example.eu.auth0.com/',
  gitlab: 'https://gitlab.com',
  zitadel: 'https://example.zitadel.cloud',
}

const textOf = (preset: string, issuer: string, more = '') => `
server: { url: https://auth.example.com }
providers:
  - { name: corp, preset: ${preset}, issuer: '${issuer}', clientId: sallyport, clientSecretFile: /run/secrets/oidc${more} }
sessions: { secretFile: /run/secrets/session }
`
const shown = (preset: PresetName, more = '') =>
  new Map(
    showSettings(loadText(textOf(preset, issuers[preset], more)).effective).map(({ path, ...rest }) => [path, rest]),
  )

const directory = new URL('../../docs/providers/', import.meta.url)
const pageOf = (name: string) => readFileSync(new URL(`${name}.md`, directory), 'utf8')

/** The rows of the table below "What the preset sets": setting and value, as they are written in the file. */
function tableOf(page: string): Record<string, string> {
  const [, section = ''] = /## What the preset sets\n([\s\S]*?)(?=\n## |$)/.exec(page) ?? []
  return Object.fromEntries(
    [...section.matchAll(/^\| `([^`]+)` \| `([^`]+)` \|/gm)].map(([, name = '', value = '']) => [name, value]),
  )
}

const written = (value: unknown): string => (Array.isArray(value) ? `[${value.join(', ')}]` : String(value))

describe.each(presetNames)('the preset %s', name => {
  const { settings, issuer } = providerPresets[name]

  it('sets what it says, and says so', () => {
    const effective = shown(name)
    for (const [setting, value] of Object.entries(settings)) {
      expect(effective.get(`providers[0].${setting}`)).toEqual({ value, origin: `preset ${name}` })
    }
    expect([...effective.values()].filter(({ origin }) => origin === `preset ${name}`)).toHaveLength(
      Object.keys(settings).length,
    )
  })

  it('gives way to the entry', () => {
    const own = shown(name, ', scopes: [email], claims: { groups: teams }, authorizationParameters: [a=b]')
    expect(own.get('providers[0].scopes')?.value).toEqual(['email'])
    expect(own.get('providers[0].claims.groups')?.value).toBe('teams')
    expect(own.get('providers[0].authorizationParameters')?.value).toEqual(['a=b'])
  })

  it('has a page whose table holds the same values, no more and no fewer', () => {
    const expected = Object.entries(settings).map(([setting, value]) => [setting, written(value)])
    expect(tableOf(pageOf(name))).toEqual(Object.fromEntries(expected))
  })

  it('has a page with an entry that can be loaded, and with the callback to register', () => {
    const page = pageOf(name)
    const [, yaml = ''] = /```yaml\n(providers:[\s\S]*?)```/.exec(page) ?? []
    const text = `server: { url: https://auth.example.com }\n${yaml}sessions: { secretFile: /run/secrets/session }\n`
    const { config } = loadText(text)
    expect(config.providers[0]).toMatchObject({ name: 'corp', preset: name })
    expect(page).toContain('https://auth.example.com/callback/corp')
    if (issuer !== undefined) expect(page).toContain(issuer.expected.replace(/, .*$/, ''))
  })
})

it('every page is of a preset, and listed on the first page', () => {
  const pages = readdirSync(directory).filter(file => file !== 'README.md')
  expect(pages.map(file => file.replace('.md', '')).sort()).toEqual([...presetNames].sort())
  const index = readFileSync(new URL('README.md', directory), 'utf8')
  for (const page of pages) expect(index).toContain(`](${page})`)
})

describe('an issuer', () => {
  it.each<[PresetName, string]>([
    ['entra-id', 'https://login.microsoftonline.com/common/v2.0'],
    ['entra-id', 'https://login.microsoftonline.com/organizations/v2.0'],
    ['entra-id', 'https://login.microsoftonline.com/consumers/v2.0'],
    ['entra-id', `https://login.microsoftonline.com/${tenant}`],
    ['entra-id', `https://login.microsoftonline.com.evil.example/${tenant}/v2.0`],
    ['google', 'https://accounts.google.com/'],
    ['google', 'https://accounts.google.com.evil.example'],
    ['auth0', 'https://example.eu.auth0.com'],
    ['authentik', 'https://authentik.example.com/application/o/sallyport'],
    ['keycloak', 'https://sso.example.com'],
  ])('that %s cannot have is refused: %s', (preset, issuer) => {
    expect(formatProblems(problemsOf(textOf(preset, issuer)))).toContain(`(preset ${preset})`)
  })

  it('of a preset that does not exist is not looked at', () => {
    expect(formatProblems(problemsOf(textOf('azure', 'https://idp.example.com')))).toContain(
      'expected generic, keycloak',
    )
  })
})
