/**
 * What is known of the providers that people use most, so that an entry needs little more than an issuer and a client.
 *
 * A preset sets what the entry leaves out, and nothing else. Each has a page in docs/providers, which says why each
 * value is as it is, and whose table is compared with these values by a test.
 */
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'

export const presetNames = [
  'generic',
  'keycloak',
  'dex',
  'authelia',
  'authentik',
  'entra-id',
  'google',
  'okta',
  'auth0',
  'gitlab',
  'zitadel',
] as const

export type PresetName = (typeof presetNames)[number]

export interface ProviderPreset {
  /** By the path below the entry, `claims.groups`; as an operator would write them. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Issuers that this provider can have; any if absent. */
  readonly issuer?: { readonly pattern: RegExp; readonly expected: string }
}

const guid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'

export const providerPresets: Readonly<Record<PresetName, ProviderPreset>> = {
  generic: { settings: {} },
  keycloak: {
    settings: { scopes: ['profile', 'email'], 'claims.groups': 'groups' },
    issuer: { pattern: /\/realms\/[^/]+$/, expected: 'https://<host>/realms/<realm>' },
  },
  dex: { settings: { scopes: ['profile', 'email', 'groups', 'offline_access'], 'claims.groups': 'groups' } },
  authelia: { settings: { scopes: ['profile', 'email', 'groups', 'offline_access'], 'claims.groups': 'groups' } },
  authentik: {
    settings: { scopes: ['profile', 'email', 'offline_access'], 'claims.groups': 'groups' },
    issuer: { pattern: /\/$/, expected: 'https://<host>/application/o/<slug>/, with the slash at its end' },
  },
  'entra-id': {
    settings: {
      scopes: ['profile', 'email', 'offline_access'],
      'claims.groups': 'groups',
      clientAssertionAudience: 'token-endpoint',
      emailVerified: 'claim',
    },
    // `common` and `organizations` are no issuers: tokens come from the tenant of whoever logs in, that is from anybody.
    issuer: {
      pattern: new RegExp(
        `^https://(?:login\\.microsoftonline\\.(?:com|us)|login\\.partner\\.microsoftonline\\.cn)/${guid}/v2\\.0$`,
        'i',
      ),
      expected: 'https://login.microsoftonline.com/<id of the tenant>/v2.0, of one tenant',
    },
  },
  google: {
    settings: {
      scopes: ['profile', 'email'],
      authorizationParameters: ['access_type=offline', 'prompt=consent'],
      emailVerified: 'claim',
    },
    issuer: { pattern: /^https:\/\/accounts\.google\.com$/, expected: 'https://accounts.google.com' },
  },
  okta: {
    settings: {
      scopes: ['profile', 'email', 'groups', 'offline_access'],
      'claims.groups': 'groups',
      clientAssertionAudience: 'token-endpoint',
    },
  },
  auth0: {
    settings: { scopes: ['profile', 'email', 'offline_access'], 'claims.groups': 'https://sallyport.example/groups' },
    issuer: { pattern: /^https:\/\/[^/]+\/$/, expected: 'https://<tenant>.auth0.com/, with the slash at its end' },
  },
  gitlab: { settings: { scopes: ['profile', 'email'], 'claims.groups': 'groups' } },
  zitadel: { settings: { scopes: ['profile', 'email', 'offline_access'], 'claims.groups': 'groups' } },
}

/** Settings of presets, for entries that do not say otherwise: where, what, and whose. */
export function presetValues(tree: Tree): { path: Path; value: unknown; preset: string }[] {
  return entriesWithPreset(tree).flatMap(({ index, name, preset }) =>
    Object.entries(preset.settings).flatMap(([setting, value]) => {
      const path: Path = ['providers', index, ...setting.split('.')]
      return getIn(tree, path) === undefined ? [{ path, value: structuredClone(value), preset: name }] : []
    }),
  )
}

/** An issuer that the provider of the preset cannot have. */
export function checkPresetIssuers(tree: Tree): CrossFinding[] {
  return entriesWithPreset(tree).flatMap(({ index, name, preset: { issuer } }): CrossFinding[] => {
    const path: Path = ['providers', index, 'issuer']
    const value = textAt(tree, path)
    if (issuer === undefined || value === undefined || issuer.pattern.test(value)) return []
    return [{ path, message: `expected ${issuer.expected} (preset ${name})` }]
  })
}

function entriesWithPreset(tree: Tree) {
  const { providers } = tree
  return (Array.isArray(providers) ? providers : []).flatMap((_, index) => {
    const name = textAt(tree, ['providers', index, 'preset'])
    const known = presetNames.find(preset => preset === name)
    return known === undefined ? [] : [{ index, name: known, preset: providerPresets[known] }]
  })
}
