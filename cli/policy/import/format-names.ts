/** Whose rules can be read; apart from the readers, so that a command line that needs none of them loads none. */
export const formatNames = ['authelia', 'oauth2-proxy', 'pomerium', 'traefik-forward-auth', 'vouch'] as const
export type FormatName = (typeof formatNames)[number]
