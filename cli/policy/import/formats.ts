/** How each format is read: a line for each. */
import { importAuthelia } from './authelia.ts'
import type { FormatName } from './format-names.ts'
import { importOauth2Proxy } from './oauth2-proxy/oauth2-proxy.ts'
import type { FormatOptions } from './options.ts'
import { importPomerium } from './pomerium/pomerium.ts'
import type { ImportedRow } from './rows.ts'
import { importTraefikForwardAuth } from './traefik-forward-auth.ts'
import { importVouch } from './vouch.ts'

interface Format {
  readonly read: (file: { readonly name: string; readonly text: string }, options: FormatOptions) => ImportedRow[]
  /** Whether `--host` has to be given, may be, or says nothing because the file names every host. */
  readonly hosts: 'needed' | 'may' | 'never'
}

export const formats: Readonly<Record<FormatName, Format>> = {
  authelia: { read: importAuthelia, hosts: 'never' },
  'oauth2-proxy': { read: importOauth2Proxy, hosts: 'needed' },
  pomerium: { read: importPomerium, hosts: 'never' },
  'traefik-forward-auth': { read: importTraefikForwardAuth, hosts: 'may' },
  vouch: { read: importVouch, hosts: 'needed' },
}
