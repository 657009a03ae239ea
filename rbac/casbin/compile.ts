/** A Casbin source -> what decides about its hosts, whole or not at all. */

import { coveringPatterns } from '../domains.ts'
import type { Problem } from '../policy-error.ts'
import { ValueError } from '../policy-error.ts'
import type { Pause } from '../slices.ts'
import { createDecide, readings } from './decide.ts'
import { readDomains } from './domains.ts'
import { type CasbinEnforcer, createCasbinEnforcer } from './enforcer.ts'
import { findCasbin } from './findings.ts'
import { type CasbinModel, readModel } from './model.ts'
import { linksTooFar, longestChain } from './role-chains.ts'
import { type CasbinRows, readRows } from './rows.ts'
import type { CasbinPolicy, CasbinRow, CasbinTexts } from './sources.ts'
import { createSubjectNames, defaultSubjects, parseSubjects, type UsedNames } from './subject-names.ts'

export interface CasbinOptions {
  /** Names of the configured providers. */
  readonly providers?: readonly string[] | undefined
  readonly pause?: Pause | undefined
}

/** Adds every problem of every text to `problems`, and gives nothing where there is one. */
export async function compileCasbin(
  texts: CasbinTexts,
  problems: Problem[],
  { providers, pause }: CasbinOptions = {},
): Promise<CasbinPolicy | undefined> {
  const before = problems.length
  const file = texts.model.name
  const report = (message: string): void => void problems.push({ file, line: 1, column: 1, message })
  const model = readModel(texts.model, problems)
  if (model === undefined) return undefined
  const templates = tryParse(() => parseSubjects(texts.subjects ?? defaultSubjects, providers), report)
  const loaded = await readRows(texts, model, problems, pause)
  const domains = readDomains(texts, model, loaded, problems)
  refuseFarRoles(model, loaded, problems)
  if (texts.isSorted === true && model.effect === 'priority' && !model.row.includes('priority')) {
    report('a database promises no order: with rows of an adapter a priority needs a field of that name')
  }
  if (problems.length > before || templates === undefined) return undefined
  const used = usedNames(loaded, model)
  const names = createSubjectNames(templates, used)
  const enforcer = await createCasbinEnforcer(model, loaded)
  refuseUnsortable(model, loaded, problems)
  await refuseThrowing({ enforcer, loaded, hostOf: hostsFor(model, domains), pause }, problems)
  const findings = findCasbin({ model, file, rows: enforcer.rows, names, used })
  refuseNobody(findings.filter(({ rule }) => rule === 'casbin-subject').length, enforcer, report)
  if (problems.length > before) return undefined
  const own = new Set(domains)
  return Object.freeze({
    domains,
    covers: (domain: string) => coveringPatterns(domain).some(pattern => own.has(pattern)),
    rows: enforcer.rows,
    rowsOf: enforcer.rowsOf,
    findings,
    decide: createDecide({ enforcer, names, effect: model.effect }),
    matches: (row, { request, identity, addRoles }) => {
      const [first] = readings(request)
      if (first === undefined) return false
      const { domain } = request
      return (
        enforcer.ask({ names: names.of(identity, domain, addRoles), dom: domain, ...first }, [row]).row !== undefined
      )
    },
  } satisfies CasbinPolicy)
}

function tryParse<T>(parse: () => T, report: (message: string) => void): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    report(`policy.casbin.subjects: ${error.message}`)
    return undefined
  }
}

function usedNames({ rows, links }: CasbinRows, { matcher }: CasbinModel): UsedNames {
  const ofSubjects = links.filter(({ kind }) => matcher.subjectLinks.has(kind))
  return {
    all: new Set([...rows, ...links].flatMap(({ fields }) => fields)),
    roles: new Set(ofSubjects.flatMap(({ fields }) => fields[1] ?? [])),
  }
}

function refuseFarRoles({ roles }: CasbinModel, { links, problemOfLink }: CasbinRows, problems: Problem[]): void {
  for (const kind of roles.keys()) {
    for (const link of linksTooFar(links.filter(one => one.kind === kind))) {
      const message = `more than ${longestChain} links lead to this role, and Casbin follows no more: it would be nobody's`
      problems.push(problemOfLink(link, message, 2))
    }
  }
}

/** Threat: Casbin sorts a row whose subject stands in no `g` row by chance. */
function refuseUnsortable({ model, effect, row }: CasbinModel, loaded: CasbinRows, problems: Problem[]): void {
  if (effect !== 'subject-priority') return
  const levels = model.getSubjectHierarchyMap(model.model.get('g')?.get('g')?.policy ?? [])
  for (const one of loaded.rows) {
    const domain = row.includes('dom') ? one.domain : ''
    if (levels.has(model.getNameWithDomain(domain, one.subject))) continue
    const message = 'its subject has no place among the g rows of its host (Casbin wants p = sub, obj, dom, act, eft)'
    problems.push(loaded.problemOf(one, 'sub', message))
  }
}

/** A host that a request could have: a row names one only where hosts are compared as they are. */
function hostsFor({ matcher }: CasbinModel, domains: readonly string[]): (row: CasbinRow) => string {
  const any = (domains[0] ?? '').replace('*', 'any')
  return ({ domain }) => (matcher.comparesDomain ? domain : any)
}

/** Each row alone, asked by nobody and by whom it names: a matcher that throws would deny everybody everything. */
async function refuseThrowing(
  {
    enforcer,
    loaded,
    hostOf,
    pause,
  }: {
    readonly enforcer: CasbinEnforcer
    readonly loaded: CasbinRows
    readonly hostOf: (row: CasbinRow) => string
    readonly pause: Pause | undefined
  },
  problems: Problem[],
): Promise<void> {
  for (const [index, row] of enforcer.rows.entries()) {
    const dom = hostOf(row)
    try {
      enforcer.ask({ names: ['anonymous'], dom, obj: '/', act: 'GET' }, [row])
      enforcer.ask({ names: [row.subject], dom, obj: row.resource, act: row.action }, [row])
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      problems.push(loaded.problemOf(row, 'sub', `the matcher fails with this row: ${why}`))
      if (problems.length > 100) return
    }
    if (index % 50 === 49) await pause?.()
  }
}

/** A policy that means nobody is one whose names were not understood. */
function refuseNobody(unknown: number, { rows }: CasbinEnforcer, report: (message: string) => void): void {
  if (rows.length === 0 || unknown < rows.length) return
  report(
    `no row names anybody who could come, "${rows[0]?.subject}" for one: names have to be written as policy.casbin.subjects does (docs/casbin.md)`,
  )
}
