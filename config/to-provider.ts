/** One provider as the rest of the service sees it. */
import type { ParsedSettings } from './schema/schema.ts'

export function toProvider(provider: ParsedSettings['providers'][number]) {
  const {
    clientSecretFile: _secretFile,
    caFile: _caFile,
    clientKeyFile: _keyFile,
    clientCertificateFile: _certificateFile,
    label,
    scopes,
    authorizationParameters,
    ...rest
  } = provider
  return {
    ...rest,
    label: label ?? provider.name,
    /** Always with `openid`, each once. */
    scopes: [...new Set(['openid', ...scopes])],
    authorizationParameters: Object.fromEntries(authorizationParameters.map(({ name, value }) => [name, value])),
  }
}
