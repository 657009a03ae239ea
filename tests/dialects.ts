/** How each front is asked, one line for each line of the table of fronts; whoever tests "every front" goes through it. */
import { type FrontName, fronts } from '../app/fronts/fronts.ts'

export type { FrontName } from '../app/fronts/fronts.ts'

export type Headers = readonly (readonly [string, string])[]

export interface Original {
  readonly method: string
  readonly url: string
}

/** The headers of a dialect that state the original request; what holds the path is the last one. */
const dialects: Readonly<Record<FrontName, (original: Original) => Headers>> = {
  'auth-request': ({ method, url }) => [
    ['X-Original-Method', method],
    ['X-Original-URL', url],
  ],
  'forward-auth': ({ method, url }) => {
    const [scheme = '', rest = ''] = url.split('://', 2)
    const slash = rest.indexOf('/')
    return [
      ['X-Forwarded-Method', method],
      ['X-Forwarded-Proto', scheme],
      ['X-Forwarded-Host', rest.slice(0, slash)],
      ['X-Forwarded-Uri', rest.slice(slash)],
    ]
  },
}

export const frontNames: readonly FrontName[] = fronts.map(({ name }) => name)

export const asksOf = (front: FrontName, original: Original): Headers => dialects[front](original)

export const asksOfOthers = (front: FrontName, original: Original): Headers =>
  frontNames.filter(other => other !== front).flatMap(other => dialects[other](original))
