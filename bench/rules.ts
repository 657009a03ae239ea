/** The rules of the bench, ten for each host, for both the service and the naive composition. */
import { ownNumber, wikiHost } from './browser-request.ts'

interface Rule {
  readonly domain: string
  readonly group: string
  readonly path: string
  readonly method: string
}

/**
 * `rows` in tens. The rule that admits Alice, in `ops`, is the sixth of the host in the middle; nothing admits her to
 * `/payroll`.
 */
function rulesOf(rows: number): Rule[] {
  const hosts = Math.ceil(rows / 10)
  const wiki = Math.floor(hosts / 2)
  return Array.from({ length: hosts * 10 }, (_, at) => {
    const host = Math.floor(at / 10)
    const isForAlice = host === wiki && at % 10 === 5
    return {
      domain: host === wiki ? wikiHost : `app-${host}.example.com`,
      group: isForAlice ? 'ops' : `team-${at % 10}`,
      path: isForAlice ? '/pages' : `/area-${at % 10}`,
      method: 'GET',
    }
  })
}

export const allowedPath = '/pages/start?from=home'
export const deniedPath = '/payroll'

/** Allowed too, by the same rule, and another path in each request. */
export const numberedPath = `/pages/${ownNumber}/start?from=home`

/** As this service reads them. */
export const serviceRows = (rows: number): string =>
  rulesOf(rows)
    .map(({ domain, group, path, method }) => `p, group:${group}, ${domain}, ${path}/**, ${method}, -, allow\n`)
    .join('')

/** As the examples of Casbin write them. */
export const casbinRows = (rows: number): string =>
  rulesOf(rows)
    .map(({ domain, group, path, method }) => `p, ${group}, ${domain}, ${path}/*, ${method}`)
    .join('\n')

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
