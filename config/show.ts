/** The settings in force, for people and programs, without any secret. */
import type { EffectiveSetting, Origin } from './load.ts'
import { formatPlace } from './problems.ts'
import { formatPath } from './tree.ts'

export interface ShownSetting {
  /** `sessions.lifetime` */
  readonly path: string
  /** As it would be written in the file; `(redacted)` for a secret. */
  readonly value: unknown
  /** `sallyport.yaml:3:11`, `environment SALLYPORT_…`, `preset keycloak` or `default`. */
  readonly origin: string
}

export const showSettings = (effective: readonly EffectiveSetting[]): ShownSetting[] =>
  effective.map(({ setting, path, value, origin }) => ({
    path: formatPath(path),
    value: setting.secret === undefined ? value : redact(setting.secret, value),
    origin: formatOrigin(origin),
  }))

function redact(kind: 'whole' | 'url', value: unknown): string {
  if (kind === 'whole' || typeof value !== 'string' || !URL.canParse(value)) return '(redacted)'
  const url = new URL(value)
  // Redis clients take a password from the query as well.
  url.search = ''
  if (url.password !== '') url.password = 'redacted'
  return url.href
}

function formatOrigin(origin: Origin): string {
  if (origin.kind === 'default') return 'default'
  if (origin.kind === 'preset') return `preset ${origin.preset}`
  const place = formatPlace(origin)
  return origin.secretFile === undefined ? place : `${place} -> ${origin.secretFile}`
}
