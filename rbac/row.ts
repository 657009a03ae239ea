/** One `p` line of a policy, checked and compiled (docs/policy.md, "Rows"). */
import { type ActionMatcher, parseAction } from './actions.ts'
import { always, type Condition } from './conditions/condition.ts'
import type { Conditions } from './conditions/conditions-file.ts'
import { parseExpression } from './conditions/expression.ts'
import type { RuleId } from './decision.ts'
import {
  isApplicationDomain,
  isKubernetesDomain,
  isReservedDomain,
  parseDomainPattern,
  questionsDomain,
  tokensDomain,
} from './domains.ts'
import { parseHostResource } from './fields/exceptions.ts'
import { problemOfNames, textWithBounds, unbindDomain, unbindResource, withBounds } from './fields/variables.ts'
import { type Problem, ValueError } from './policy-error.ts'
import type { PolicyLine } from './policy-lines.ts'
import {
  parseObjectResource,
  parseQuestionResource,
  parseResource,
  parseTokenResource,
  type Resource,
  type ResourceMatcher,
} from './resources.ts'
import { applicationOf, type KnownNames, nameForDeny, parseSubject } from './subjects.ts'
import { unknownName } from './unknown-name.ts'

const effects = ['allow', 'deny', 'shadow-allow', 'shadow-deny'] as const
export type RowEffect = (typeof effects)[number]

export interface Row {
  readonly id: RuleId
  /** Position in the order of load. */
  readonly order: number
  /** Canonical pattern, with a star for a variable. */
  readonly domain: string
  /** Canonical name. */
  readonly subject: string
  /** The name that an identity has to answer to: the subject, or for a row that denies its `nameForDeny`. */
  readonly whom: string
  /** With a star for each variable, and without exceptions. */
  readonly resource: string
  /** Patterns of paths that the resource does not speak of; absent: it has no exceptions. */
  readonly except?: readonly string[] | undefined
  readonly action: string
  /** Names joined by `&`, and what variables ask for among them; `-` is none. */
  readonly condition: string
  /** The fields as they stand in the file, where they hold a list, variables or exceptions. Absent: as above. */
  readonly written?: Pick<Row, 'domain' | 'resource' | 'condition'>
  readonly effect: RowEffect
  readonly isDeny: boolean
  readonly isShadow: boolean
  readonly fitsResource: ResourceMatcher
  /** See `Resource`. */
  readonly steps: number
  readonly anchor: string
  readonly fitsAction: ActionMatcher
  readonly when: Condition
  /** What its author wrote for people; decides nothing. */
  readonly note?: string
  /** Whose row it is, as written, or the directory of whoever owns its hosts; decides nothing. */
  readonly owner?: string
}

export interface RowContext {
  readonly conditions: Conditions
  readonly known: KnownNames
  readonly problems: Problem[]
  /** Of rows that name none. */
  readonly owner?: string | undefined
}

/**
 * `undefined`, and a problem for each field that cannot be read, unless the whole line can. `host`: one of those of the list
 * that the line names as its domain.
 */
export type ParseRow = (line: PolicyLine, order: number, host?: string) => Row | undefined

const fieldNames = 'p, subject, domain, resource, action, condition, effect, and perhaps note, owner'
const nowhere: Resource = { fits: () => false, steps: 0, anchor: '' }

/** Rows with an equal field share its text and its compiled form: most fields of a large policy have few values. */
export function createRowParser({ conditions, known, problems, owner }: RowContext): ParseRow {
  const domains = remember(text => {
    const { pattern, terms } = unbindDomain(text)
    return { pattern: checkApplication(parseDomainPattern(pattern), known), terms }
  })
  const subjects = remember(text => parseSubject(text, known))
  const resources = remember(parseHostResource)
  const clusterResources = remember(parseResource)
  const tokenResources = {
    allow: remember(text => parseTokenResource(text, false)),
    deny: remember(text => parseTokenResource(text, true)),
  }
  const questions = remember(parseQuestionResource)
  const objectsIn = rememberFor(domain => {
    const types = applicationOf(domain, known)?.types
    return remember(text => parseObjectResource(text, types))
  })
  const resourcesIn = (domain: string, takes: 'allow' | 'deny'): Remembering<Resource> => {
    if (domain === tokensDomain) return tokenResources[takes]
    if (domain === questionsDomain) return questions
    if (isApplicationDomain(domain)) return objectsIn(domain)
    return isReservedDomain(domain) ? clusterResources : resources
  }
  const actionsOf = rememberFor(kind => createActionParsers(kind, applicationOf(kind, known)?.actions))
  const actionsIn = (domain: string) => {
    if (isKubernetesDomain(domain)) return actionsOf('kube:any')
    const isOwn = domain === tokensDomain || domain === questionsDomain || isApplicationDomain(domain)
    return actionsOf(isOwn ? domain : '*')
  }
  const paths = remember(unbindResource)
  const expressions = {
    allow: remember(text => parseExpression(text, conditions, false)),
    deny: remember(text => parseExpression(text, conditions, true)),
  }

  return (line, order, host) => {
    const [, subject = '', domain = '', resource = '', action = '', condition = '', effect = ''] = line.fields
    const count = line.fields.length
    if (![7, 8, 9].includes(count)) {
      problems.push(problemOf(line, 0, `expected 7 to 9 fields (${fieldNames}), found ${count}`))
      return undefined
    }
    const before = problems.length
    const read = <T>(field: number, text: string, parse: Remembering<T>, fallback: T): Parsed<T> => {
      try {
        return parse(text)
      } catch (error) {
        if (!(error instanceof ValueError)) throw error
        problems.push(problemOf(line, field, error.message))
        return { text, value: fallback }
      }
    }
    const isDeny = effect.endsWith('deny')
    const where = read(2, host ?? domain, domains, { pattern: '*', terms: [] }).value
    const { pattern } = where
    const name = read(1, subject, subjects, '').value
    const knownEffect = read<RowEffect>(6, effect, parseEffect, 'deny').value
    const takes = isDeny ? 'deny' : 'allow'
    const path = read(3, resource, paths, { pattern: '/**', terms: [] }).value
    const place = read(3, path.pattern, resourcesIn(pattern, takes), nowhere)
    const actions = actionsIn(pattern)[takes]
    const does = read(4, action, actions, () => false)
    const holds = read(5, condition, expressions[takes], always)
    const { fits, steps, anchor, base, except } = place.value
    const bounds = [...where.terms, ...path.terms]
    const when = withBounds(holds.value, bounds)
    const problem = problemOfNames(when, pattern, known)
    if (problem !== undefined) problems.push(problemOf(line, bounds.length === 0 ? 5 : 3, problem))
    if (problems.length > before) return undefined
    const isNamed = host !== undefined || where.terms.length > 0
    const written = { domain: isNamed ? domain : pattern, resource, condition }
    return Object.freeze({
      id: `${line.file}:${line.line}`,
      order,
      domain: pattern,
      subject: name,
      whom: isDeny ? nameForDeny(name) : name,
      resource: base ?? place.text,
      ...(except !== undefined && { except }),
      action: does.text,
      condition: textWithBounds(holds.text, bounds),
      ...([isNamed, bounds.length > 0, except !== undefined].includes(true) && { written }),
      effect: knownEffect,
      isDeny,
      isShadow: effect.startsWith('shadow-'),
      fitsResource: fits,
      steps,
      anchor,
      fitsAction: does.value,
      when,
      ...remarksOf(line, owner),
    })
  }
}

/** Longer than this it is a document, which has a place of its own. */
const maxRemark = 500

function remarksOf({ fields }: PolicyLine, owner: string | undefined): Pick<Row, 'note' | 'owner'> {
  const [note = '', named = ''] = fields.slice(7).map(text => text.slice(0, maxRemark))
  const whose = owner ?? (named === '' ? undefined : named)
  return { ...(note !== '' && { note }), ...(whose !== undefined && { owner: whose }) }
}

interface Parsed<T> {
  readonly text: string
  readonly value: T
}
type Remembering<T> = (text: string) => Parsed<T>

/** A large table takes long to grow; what repeats does so soon. */
const maxRemembered = 10_000

/** What throws is not remembered: each line has its own problem. */
function remember<T>(parse: (text: string) => T): Remembering<T> {
  const known = new Map<string, Parsed<T>>()
  return text => {
    const earlier = known.get(text)
    if (earlier !== undefined) return earlier
    const parsed = { text, value: parse(text) }
    if (known.size === maxRemembered) known.clear()
    known.set(text, parsed)
    return parsed
  }
}

/** A row's domain decides between methods and verbs, its effect whether `get` covers `head`, and whether GET may come without HEAD. */
const createActionParsers = (domain: string, words?: readonly string[]) => ({
  allow: remember(text => parseAction(text, domain, false, words)),
  deny: remember(text => parseAction(text, domain, true, words)),
})

function rememberFor<T>(make: (domain: string) => T): (domain: string) => T {
  const known = new Map<string, T>()
  return domain => {
    const found = known.get(domain) ?? make(domain)
    known.set(domain, found)
    return found
  }
}

/** Threat: a row denies something in `app:tdo`, and nobody ever asks there. */
function checkApplication(domain: string, { applications }: KnownNames): string {
  if (applications === undefined || !isApplicationDomain(domain)) return domain
  const [name, names] = [domain.slice('app:'.length), applications.map(application => application.name)]
  if (!names.includes(name)) throw new ValueError(unknownName('application', name, names))
  return domain
}

export function problemOf(line: PolicyLine, field: number, message: string): Problem {
  return { file: line.file, line: line.line, column: line.columnOf(field), message }
}

function parseEffect(text: string): Parsed<RowEffect> {
  const effect = effects.find(known => known === text)
  if (effect === undefined) throw new ValueError(unknownName('effect', text, effects))
  return { text, value: effect }
}
