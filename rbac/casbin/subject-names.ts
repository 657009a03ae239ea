/**
 * The names by which the rows of a Casbin policy may mean an identity (docs/casbin.md, "Names").
 *
 * Threat: Casbin has one space of names for people, groups and roles, and issuers let people choose theirs: a group called
 * `bob@example.com` must not become Bob, and somebody who calls himself `admin` not the role. So each kind of name gets
 * the prefix of its template, no prefix may be the beginning of another one, and of whoever has a name that could be read
 * as one of another kind nothing is decided.
 */
import type { Identity } from '../identity.ts'
import { ValueError } from '../policy-error.ts'
import type { AddRoles } from '../roles.ts'
import { foldSpelling, namesOf } from '../subjects.ts'
import { unknownName } from '../unknown-name.ts'

/** What a template may stand for. */
const kinds = [
  'user',
  'sub',
  'email',
  'email-domain',
  'group',
  'provider-group',
  'role',
  'service-account',
  'client',
  'certificate',
] as const
type Kind = (typeof kinds)[number]

/** Whom nobody logged in as; everybody who did; everybody. No template gives one of them. */
export const fixedNames = ['anonymous', 'authenticated', 'anyone'] as const

/** The names that rows of the built-in language use. */
export const defaultSubjects: readonly string[] = [
  'user:{user}',
  'email:{email}',
  'email-domain:{email-domain}',
  'group:{group}',
  'group:{provider-group}',
  'role:{role}',
  'service-account:{service-account}',
  'client:{client}',
  'certificate:{certificate}',
  'authenticated',
  'anyone',
]

interface Template {
  readonly prefix: string
  /** Absent: the prefix is a fixed name. */
  readonly kind?: Kind
}

export interface SubjectNames {
  /** The first is `r.sub`; each further one is a link from it. Never empty. Throws for a name that could be another one's. */
  readonly of: (identity: Identity, domain: string, addRoles: AddRoles) => readonly [string, ...string[]]
  /** Names of the policy that may mean the identity as well, for rows that deny. */
  readonly mayAlsoMean: (identity: Identity, domain: string, addRoles: AddRoles) => readonly string[]
  /** Could an identity ever have this name? */
  readonly canBe: (name: string) => boolean
}

/** Which names a policy uses. */
export interface UsedNames {
  /** All of its fields. */
  readonly all: ReadonlySet<string>
  /** Those that a `g` row gives to somebody. */
  readonly roles: ReadonlySet<string>
}

const manyProviders =
  'a {sub} is one of one provider alone; with several write {user}, which is the issuer, "#" and the sub'

/** Throws `ValueError` for what is no template, and for two that could give the same name. */
export function parseSubjects(texts: readonly string[], providers: readonly string[] = []): readonly Template[] {
  const templates = texts.map(parseTemplate)
  for (const [index, template] of templates.entries()) {
    if (template.kind === 'sub' && providers.length > 1) throw new ValueError(manyProviders)
    const other = templates.slice(0, index).find(before => areOneSpace(before, template))
    if (other === undefined) continue
    throw new ValueError(
      `a name by "${texts[index]}" could be one by "${texts[templates.indexOf(other)]}"; give them prefixes that differ, such as user: and group:`,
    )
  }
  return templates
}

function parseTemplate(text: string): Template {
  const [, prefix = '', kind] = /^([^{}]*)(?:\{([a-z-]+)\})?$/.exec(text) ?? []
  if (text === '' || (prefix === '' && kind === undefined) || prefix !== prefix.trimStart()) {
    throw new ValueError('expected a prefix and one of {…}, such as "group:{group}"')
  }
  if (kind === undefined) {
    if (fixedNames.some(name => name === text)) return { prefix }
    throw new ValueError(unknownName('name', text, [...fixedNames, ...kinds.map(known => `${known}:{${known}}`)]))
  }
  const known = kinds.find(one => one === kind)
  if (known === undefined) throw new ValueError(unknownName('kind of name', kind, kinds))
  return { prefix, kind: known }
}

const isGroup = (kind: Kind | undefined): boolean => kind === 'group' || kind === 'provider-group'

/** A group of a provider has a slash in its name, and no other group has. A bare template is held apart by `assertApart`. */
function areOneSpace(one: Template, other: Template): boolean {
  if (one.kind === undefined || other.kind === undefined) return one.kind === other.kind && one.prefix === other.prefix
  if (isGroup(one.kind) && isGroup(other.kind) && one.prefix === other.prefix) return one.kind === other.kind
  if (one.prefix === '' || other.prefix === '') return one.prefix === other.prefix
  return one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix)
}

interface Name {
  readonly kind: Kind
  readonly value: string
}

/** The parts of what `namesOf` and `addRoles` give. */
function read(name: string): Name | undefined {
  const colon = name.indexOf(':')
  const [kind, value] = [name.slice(0, colon), name.slice(colon + 1)]
  if (kind === 'group' && value.includes('/')) return { kind: 'provider-group', value }
  const known = kinds.find(one => one === kind)
  return known === undefined ? undefined : { kind: known, value }
}

export function createSubjectNames(templates: readonly Template[], used: UsedNames): SubjectNames {
  const ofKind = (kind: Kind): Template | undefined => templates.find(template => template.kind === kind)
  const isBareKept = (value: string): boolean =>
    fixedNames.some(name => name === value) ||
    templates.some(({ prefix, kind }) => kind !== undefined && prefix !== '' && value.startsWith(prefix))

  const assertApart = ({ prefix, kind }: Template, value: string): void => {
    if (prefix === '' && isBareKept(value)) throw new Error('a name that could be read as one of another kind')
    const isOneself = !isGroup(kind) && kind !== 'role'
    if (prefix === '' && isOneself && used.roles.has(value)) throw new Error('a name that is that of a role')
  }
  const spell = (template: Template | undefined, value: string): string[] => {
    if (template === undefined) return []
    assertApart(template, value)
    return [template.prefix + value]
  }
  const valuesOf = (identity: Identity, domain: string, addRoles: AddRoles): Name[] => {
    const names = new Set(namesOf(identity))
    addRoles(names, domain)
    const found = [...names].map(read).filter(name => name !== undefined)
    const subs = found.filter(({ kind }) => kind === 'user').map(({ value }) => value.slice(value.indexOf('#') + 1))
    return [...found, ...subs.map((value): Name => ({ kind: 'sub', value }))]
  }
  const suppose = createSupposing(templates, used, ofKind)

  return {
    of(identity, domain, addRoles) {
      const isAnonymous = identity.kind === 'anonymous'
      const values = valuesOf(identity, domain, addRoles)
      const named = templates.flatMap(template => {
        if (template.kind === undefined) {
          return template.prefix === (isAnonymous ? 'authenticated' : 'anonymous') ? [] : [template.prefix]
        }
        return values.filter(({ kind }) => kind === template.kind).flatMap(({ value }) => spell(template, value))
      })
      const own = named.find(name => !fixedNames.some(fixed => fixed === name))
      const first = isAnonymous ? 'anonymous' : (own ?? 'authenticated')
      return [first, ...new Set(named.filter(name => name !== first))]
    },
    mayAlsoMean(identity, domain, addRoles) {
      const names = new Set(namesOf(identity))
      addRoles(names, domain)
      const untold = identity.kind === 'user' ? (identity.untold ?? []) : []
      return suppose(names, untold)
    },
    canBe: name =>
      fixedNames.some(fixed => fixed === name) ||
      templates.some(({ prefix, kind }) => kind !== undefined && name.startsWith(prefix) && name !== prefix),
  }
}

const untoldKinds: Readonly<Record<string, readonly Kind[]>> = {
  user: ['user', 'sub'],
  email: ['email', 'email-domain'],
  groups: ['group', 'provider-group'],
}

/** The names of a kind that a policy uses, by what they are in any spelling. */
function spellingsOf(
  template: Template | undefined,
  all: ReadonlySet<string>,
  isOne: (value: string) => boolean,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  if (template === undefined) return found
  for (const name of all) {
    const value = name.slice(template.prefix.length)
    if (!name.startsWith(template.prefix) || !isOne(value)) continue
    found.set(foldSpelling(value), [...(found.get(foldSpelling(value)) ?? []), name])
  }
  return found
}

/**
 * Threat: a row denies `email:Bob@corp.example`, and the provider says `bob@corp.example`; or nobody told all names of
 * whom somebody asks to be judged as. A deny meets them all the same (docs/adr/0030-a-deny-meets-any-case.md).
 */
function createSupposing(
  templates: readonly Template[],
  { all }: UsedNames,
  ofKind: (kind: Kind) => Template | undefined,
): (names: ReadonlySet<string>, untold: readonly string[]) => readonly string[] {
  const bySpelling = spellingsOf(ofKind('email'), all, address => address.includes('@'))
  const domains = spellingsOf(ofKind('email-domain'), all, () => true)
  const role = ofKind('role')
  const others = (prefix: string): Template[] =>
    templates.filter(other => other.prefix !== '' && other.prefix !== prefix && other.kind !== undefined)
  const ofUntold = (kind: Kind): string[] => {
    const template = ofKind(kind)
    if (template === undefined) return []
    const { prefix } = template
    return [...all].filter(
      name =>
        name.startsWith(prefix) && !(prefix === '' && others(prefix).some(other => name.startsWith(other.prefix))),
    )
  }
  return (names, untold) => {
    const found = [...names].flatMap(name => {
      if (name.startsWith('~email:')) return bySpelling.get(name.slice('~email:'.length)) ?? []
      if (name.startsWith('email-domain:')) return domains.get(foldSpelling(name.slice('email-domain:'.length))) ?? []
      if (name.startsWith('~role:') && role !== undefined) return [role.prefix + name.slice('~role:'.length)]
      return []
    })
    return [...new Set([...found, ...untold.flatMap(kind => (untoldKinds[kind] ?? []).flatMap(ofUntold))])]
  }
}
