/**
 * One stock Casbin enforcer over the rows of a model, asked by `enforceEx`, with the links of one request.
 *
 * The enforcer never leaves this file: what it would do on its own (allow everything when switched off, match an empty
 * policy) cannot be asked of it.
 */
import { Enforcer, FunctionMap, type Model, newEnforcerWithClass } from 'casbin'
import { createMatchFunctions, functionNames } from './functions.ts'
import type { CasbinModel } from './model.ts'
import { RequestRoles } from './request-roles.ts'
import type { RoleLink } from './rows.ts'
import { type CasbinRow, rowsByDomain } from './sources.ts'

export interface Answer {
  readonly isAllowed: boolean
  /** Casbin's own reason; absent when no row matched. */
  readonly row?: CasbinRow | undefined
}

export interface Question {
  /** The first is `r.sub`, the others are links from it. */
  readonly names: readonly string[]
  /** What the other fields of the request are. */
  readonly dom: string
  readonly obj: string
  readonly act: string
}

export interface CasbinEnforcer {
  /** In the order in which Casbin looks at them. */
  readonly rows: readonly CasbinRow[]
  /** Those that are looked at for a host. */
  readonly rowsOf: (domain: string) => readonly CasbinRow[]
  /** Over the rows of one host, or some of them. Throws what Casbin throws. */
  readonly ask: (question: Question, rows?: readonly CasbinRow[]) => Answer
}

class BareEnforcer extends Enforcer {
  constructor() {
    super()
    this.fm = new FunctionMap()
  }
}

export async function createCasbinEnforcer(
  { model, request, matcher, effect }: CasbinModel,
  loaded: { readonly rows: readonly CasbinRow[]; readonly links: readonly RoleLink[] },
): Promise<CasbinEnforcer> {
  const enforcer = await newEnforcerWithClass(BareEnforcer, model, adapterOf(loaded))
  const functions = createMatchFunctions()
  for (const name of functionNames) {
    const evaluate = functions[name]
    // Each one that is there is copied for each row.
    if (evaluate !== undefined && matcher.calls.some(call => call.name === name))
      await enforcer.addFunction(name, evaluate)
  }
  const roles = await createRoles(model, matcher.subjectLinks, loaded.links)
  const assertion = model.model.get('p')?.get('p')
  if (assertion === undefined) throw new Error('the model has no policy definition')
  const byFields = new Map<readonly string[], CasbinRow>(loaded.rows.map(row => [row.fields, row]))
  const sorted = assertion.policy.map(fields => rowOf(byFields, fields))
  assertion.policy = []
  // What equality alone decides needs no row of another host.
  const isSplit = matcher.comparesDomain && effect !== 'subject-priority'
  const byDomain = isSplit ? rowsByDomain(sorted) : undefined

  const own = matcher.comparesSubject ? createOwnRows(roles) : (given: readonly CasbinRow[]) => given

  const ask = (question: Question, given: readonly CasbinRow[]): Answer => {
    const [sub = '', ...others] = question.names
    for (const one of roles) one.suppose([sub, ...others])
    try {
      const rows = own(given, sub, question.dom)
      // Casbin tries an empty policy against a row of empty fields instead of denying.
      if (rows.length === 0) return { isAllowed: false }
      assertion.policy = rows.map(({ fields }) => fields as string[])
      const values = request.map(field => (field === 'sub' ? sub : question[field]))
      const [isAllowed, fields] = enforcer.enforceExSync(...values)
      const row = fields.length === 0 ? undefined : rowOf(byFields, fields)
      // Nothing is allowed without a row that says so.
      if (isAllowed && row?.effect !== 'allow') throw new Error('allowed without a row that allows')
      return { isAllowed, row }
    } finally {
      assertion.policy = []
      for (const one of roles) one.suppose([])
    }
  }
  const rowsOf = (domain: string): readonly CasbinRow[] =>
    (byDomain === undefined ? sorted : byDomain.get(domain)) ?? []
  return { rows: sorted, rowsOf, ask: (question, rows = rowsOf(question.dom)) => ask(question, rows) }
}

/**
 * Of a list of rows those that name somebody whom `r.sub` could be, in the order of the list. Casbin copies all it knows for
 * each row before it looks at it, some ten microseconds; of a thousand rows most name others.
 */
function createOwnRows(roles: readonly RequestRoles[]) {
  const indexes = new WeakMap<readonly CasbinRow[], ReadonlyMap<string, readonly number[]>>()
  return (rows: readonly CasbinRow[], sub: string, domain: string): readonly CasbinRow[] => {
    if (rows.length <= fewRows) return rows
    const index = indexes.get(rows) ?? indexOf(rows)
    indexes.set(rows, index)
    const names = new Set([sub, ...roles.flatMap(one => [...one.allFrom(sub, domain)])])
    const places = [...names].flatMap(name => index.get(name) ?? [])
    return places.sort((one, other) => one - other).flatMap(place => rows[place] ?? [])
  }
}

/** So many are tried as fast as sorted out. */
const fewRows = 4

function indexOf(rows: readonly CasbinRow[]): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>()
  for (const [place, { subject }] of rows.entries()) {
    const list = places.get(subject)
    if (list === undefined) places.set(subject, [place])
    else list.push(place)
  }
  return places
}

function rowOf(byFields: ReadonlyMap<readonly string[], CasbinRow>, fields: readonly string[]): CasbinRow {
  const row = byFields.get(fields)
  if (row === undefined) throw new Error('a row that nobody has loaded')
  return row
}

/** Casbin sorts what it loads by priority. */
function adapterOf({ rows, links }: { readonly rows: readonly CasbinRow[]; readonly links: readonly RoleLink[] }) {
  const refuse = async (): Promise<never> => {
    throw new Error('a policy that is in force does not change')
  }
  return {
    async loadPolicy(model: Model): Promise<void> {
      for (const { fields } of rows)
        model.model
          .get('p')
          ?.get('p')
          ?.policy.push(fields as string[])
      for (const { kind, fields } of links)
        model.model
          .get('g')
          ?.get(kind)
          ?.policy.push([...fields])
    },
    savePolicy: refuse,
    addPolicy: refuse,
    removePolicy: refuse,
    removeFilteredPolicy: refuse,
  }
}

/** Those by which `r.sub` is compared: they get the links of each request. */
async function createRoles(
  model: Model,
  ofSubject: ReadonlySet<string>,
  links: readonly RoleLink[],
): Promise<readonly RequestRoles[]> {
  const found: RequestRoles[] = []
  for (const [kind, assertion] of model.model.get('g') ?? []) {
    const roles = new RequestRoles()
    for (const { fields } of links.filter(link => link.kind === kind)) {
      const [member = '', role = '', ...domain] = fields
      await roles.addLink(member, role, ...domain)
    }
    assertion.rm = roles
    if (ofSubject.has(kind)) found.push(roles)
  }
  return found
}
