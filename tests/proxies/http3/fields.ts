/** Fields of requests over HTTP/2 and HTTP/3, and what is read of the answers. */
import { identityHeaders } from '../world.ts'
import type { Http3Answer } from './client.ts'
import type { Fields, Http3World } from './world.ts'

export const json: Fields = [['accept', 'application/json']]

export const navigationFields: Fields = [
  ['accept', 'text/html'],
  ['sec-fetch-mode', 'navigate'],
]

export const fieldOf = ({ fields = [] }: Http3Answer, name: string): string | undefined =>
  fields.find(([candidate]) => candidate.toLowerCase() === name)?.[1]

export const authorityOf = (world: Http3World, host: string): string => `${host}.localhost:${world.port}`

/** Whether the application answered. */
export const wasServed = ({ body = '' }: Http3Answer): boolean => body.includes('"app":"')

export const forgedFields: Fields = [
  ...identityHeaders.map(name => [name, 'mallory'] as const),
  ['remote_user', 'mallory'],
  ['remote.user', 'mallory'],
  ['x-webauth-user', 'mallory'],
  ['x-forwarded-user', 'mallory'],
  ['x-forwarded-for', '192.0.2.7'],
  ['x-forwarded-proto', 'http'],
  ['x-forwarded-host', 'mallory.localhost'],
]
