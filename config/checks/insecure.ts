/** The insecure settings that can be allowed one by one, each by its own flag. Read by the command line for its help. */

export const insecureSettings = {
  secret: 'accept a session secret that is short, guessable or publicly known',
  'http-url': 'accept a public URL without TLS that is not on localhost',
  'http-issuer': 'accept an OpenID provider without TLS that is not on localhost',
  'http-decider': 'accept a decider without TLS that is not on localhost',
  'trust-all-proxies': 'accept trusted proxies that cover the whole internet or much of it',
  'public-suffix': 'accept a host or pattern that is a public suffix, shared by unrelated owners',
  'envoy-listen': 'accept checks over gRPC in plain text from other machines',
  'admin-listen': 'accept an admin listener that other machines reach',
  'socket-mode': 'accept a Unix socket that everybody on the machine may open',
} as const

export type InsecureSetting = keyof typeof insecureSettings

export const insecureNames = Object.keys(insecureSettings) as readonly InsecureSetting[]

/** `--allow-insecure-http-url` */
export const insecureFlag = (name: InsecureSetting): string => `--allow-insecure-${name}`
