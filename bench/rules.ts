/** One hundred rules, ten for each of ten hosts, for both the service and the naive composition. */
import { wikiHost } from './browser-request.ts'

interface Rule {
  readonly domain: string
  readonly group: string
  readonly path: string
  readonly method: string
}

const hostOf = (at: number): string => (at === 5 ? wikiHost : `app-${at}.example.com`)

/** The rule that admits Alice, in `ops`, is the sixth of the sixth host; nothing admits her to `/payroll`. */
export const rules: readonly Rule[] = Array.from({ length: 100 }, (_, at) => {
  const host = Math.floor(at / 10)
  const isForAlice = host === 5 && at % 10 === 5
  return {
    domain: hostOf(host),
    group: isForAlice ? 'ops' : `team-${at % 10}`,
    path: isForAlice ? '/pages' : `/area-${at % 10}`,
    method: 'GET',
  }
})

export const allowedPath = '/pages/start?from=home'
export const deniedPath = '/payroll'

/** As this service reads them. */
export const serviceRows = (): string =>
  rules
    .map(({ domain, group, path, method }) => `p, group:${group}, ${domain}, ${path}/**, ${method}, -, allow`)
    .join('\n')
    .concat('\n')

/** As the examples of Casbin write them. */
export const casbinRows = (): string =>
  rules.map(({ domain, group, path, method }) => `p, ${group}, ${domain}, ${path}/*, ${method}`).join('\n')

export const casbinModel = `
[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub) && r.dom == p.dom && keyMatch(r.obj, p.obj) && r.act == p.act
`
