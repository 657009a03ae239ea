/**
 * What `same` compares (docs/policy.md, "Bound to who asks"): a piece of the address that is asked for, or a fact of the
 * person who asks. `sub`, `email`, `group` and `claim:<name>`, of one provider as `sub@corp`; `path:2`, the second segment
 * of the path; `host:*.example.com`, the one label that stands for the star.
 */
import { isReservedDomain } from '../../domains.ts'
import type { Identity, User } from '../../identity.ts'
import { readingsOf } from '../../matchable-path.ts'
import { ValueError } from '../../policy-error.ts'
import { canonicaliseHost } from '../../request/canonical-host.ts'
import { unknownName } from '../../unknown-name.ts'
import { readClaim } from '../claim.ts'
import type { Facts } from '../condition.ts'
import { isPlace, type PersonTerm, type Term } from './term.ts'

const personKinds = ['sub', 'email', 'group', 'claim'] as const

const maxSegment = 64
/** What stands in the condition of a row, where `&` joins and spaces do not count. */
const claimName = /^[A-Za-z0-9_.:/-]{1,200}$/

/** Throws `ValueError`. */
export function parseTerm(text: string): Term {
  const [, kind = '', value = ''] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  if (kind === 'path') return parseSegmentTerm(value)
  if (kind === 'host') return parseHostTerm(value)
  return parsePersonTerm(text)
}

function parseSegmentTerm(value: string): Term {
  const at = /^[1-9]\d?$/.test(value) ? Number(value) : Number.NaN
  if (!(at <= maxSegment)) throw new ValueError(`path: expected the number of a segment, from 1 to ${maxSegment}`)
  return { kind: 'path', at }
}

function parseHostTerm(value: string): Term {
  if (!value.startsWith('*.')) throw new ValueError('host: expected *.<domain>, such as host:*.example.com')
  try {
    return { kind: 'host', suffix: `.${canonicaliseHost(value.slice(2), () => true)}` }
  } catch (error) {
    throw new ValueError(`host: not a domain: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}

/** Throws `ValueError`. */
export function parsePersonTerm(text: string): PersonTerm {
  const [, named = '', provider] = /^(.*?)(?:@([A-Za-z0-9_-]+))?$/s.exec(text) ?? []
  const colon = named.indexOf(':')
  const word = colon === -1 ? named : named.slice(0, colon)
  const kind = personKinds.find(known => known === word)
  if (kind === undefined) throw new ValueError(unknownName('variable', word, personKinds))
  const name = colon === -1 ? '' : named.slice(colon + 1)
  if (kind === 'claim' && !claimName.test(name)) throw new ValueError('expected claim:<name>')
  if (kind !== 'claim' && colon !== -1) throw new ValueError(`"${kind}" takes no name`)
  // Whose address it is, only the field that the provider has verified says.
  if (kind === 'claim' && name === 'email') throw new ValueError('write email, which is the verified address')
  return { kind, name, ...(provider !== undefined && { provider }) }
}

/** As `parseTerm` reads it. */
export function termText(term: Term): string {
  if (term.kind === 'path') return `path:${term.at}`
  if (term.kind === 'host') return `host:*${term.suffix}`
  const { kind, name, provider } = term
  return `${kind}${name === '' ? '' : `:${name}`}${provider === undefined ? '' : `@${provider}`}`
}

/** One list for each way in which the path may be read; `undefined`: not known. */
export type Said = readonly (readonly unknown[] | undefined)[]

export function saidOf(term: Term, { identity, request }: Facts): Said {
  if (!isPlace(term)) return [saidOfPerson(term, identity)]
  // Where paths and hosts mean something else, a name in them is not that of a person.
  if (request === undefined || isReservedDomain(request.domain)) return [undefined]
  if (term.kind === 'host') return [labelOf(request.domain, term.suffix)]
  return readingsOf(request.resource).map(path =>
    path
      .split('/')
      .slice(term.at, term.at + 1)
      .filter(Boolean),
  )
}

/** The one label before the suffix; none for the domain itself and for what is further below. */
function labelOf(domain: string, suffix: string): readonly string[] {
  if (!domain.endsWith(suffix)) return []
  const label = domain.slice(0, -suffix.length)
  return label === '' || label.includes('.') ? [] : [label]
}

/**
 * Threat: `sub` of a machine, or of nobody, taken for that of a person; a name of one provider taken for the same name of
 * another. Only people have these facts, and only those of the provider that is named.
 */
function saidOfPerson({ kind, name, provider }: PersonTerm, identity: Identity): readonly unknown[] | undefined {
  if (identity.kind !== 'user' || (provider !== undefined && provider !== identity.provider)) return undefined
  switch (kind) {
    case 'sub':
      return isTold(identity, 'user') ? [subOf(identity)] : undefined
    case 'email':
      return identity.email === undefined ? undefined : [identity.email]
    case 'group':
      return isTold(identity, 'groups') ? identity.groups : undefined
    case 'claim': {
      const value = readClaim(identity, name)
      return value === undefined ? undefined : [value].flat()
    }
  }
}

const isTold = ({ untold }: User, what: 'user' | 'groups'): boolean => untold?.includes(what) !== true

/** Behind the issuer, which holds no `#` (OpenID Connect Core 1.0 section 2, `iss`). */
const subOf = ({ subject }: User): string => subject.slice(subject.indexOf('#') + 1)
