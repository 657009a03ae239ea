/** How each front is asked, one line for each line of the table of fronts; whoever tests "every front" goes through it. */
import { type FrontName, fronts } from '../app/fronts/fronts.ts'

export type { FrontName } from '../app/fronts/fronts.ts'

export type Headers = readonly (readonly [string, string])[]

export interface Original {
  readonly method: string
  readonly url: string
}

/** The headers of a dialect that state the original request; what holds the path, if one does, is the last one. */
const partsOf = (url: string) => {
  const [scheme = '', rest = ''] = url.split('://', 2)
  const slash = rest.indexOf('/')
  return { scheme, host: rest.slice(0, slash), target: rest.slice(slash) }
}

const dialects: Readonly<Record<FrontName, (original: Original) => Headers>> = {
  'auth-request': ({ method, url }) => [
    ['X-Original-Method', method],
    ['X-Original-URL', url],
  ],
  'forward-auth': ({ method, url }) => {
    const { scheme, host, target } = partsOf(url)
    return [
      ['X-Forwarded-Method', method],
      ['X-Forwarded-Proto', scheme],
      ['X-Forwarded-Host', host],
      ['X-Forwarded-Uri', target],
    ]
  },
  // Method and path are those of the check itself: see `lineOf`.
  'ext-authz': ({ url }) => {
    const { scheme, host } = partsOf(url)
    return [
      ['Host', host],
      ['X-Forwarded-Proto', scheme],
    ]
  },
}

export const frontNames: readonly FrontName[] = fronts.map(({ name }) => name)

/** Method and target of the check, which state the original request in one dialect and nothing in the others. */
export function lineOf(
  front: FrontName,
  { method, url }: Original,
): { readonly method: string; readonly target: string } {
  return front === 'ext-authz'
    ? { method, target: `/verify/ext-authz${partsOf(url).target}` }
    : { method: 'GET', target: `/verify/${front}` }
}

export const asksOf = (front: FrontName, original: Original): Headers => dialects[front](original)

export const asksOfOthers = (front: FrontName, original: Original): Headers =>
  frontNames.filter(other => other !== front).flatMap(other => dialects[other](original))
