/** One provider as the rest of the service sees it. */
import type { ParsedSettings } from './schema.ts'

export function toProvider(provider: ParsedSettings['providers'][number]) {
  const { clientSecretFile: _file, label, clientSecret, scopes, ...rest } = provider
  return {
    ...rest,
    label: label ?? provider.name,
    clientSecret: clientSecret ?? '',
    /** Always with `openid`, each once. */
    scopes: [...new Set(['openid', ...scopes])],
  }
}
