/**
 * `POST /access/v1/search/subject`, `resource` and `action`: who may do something, on what, and what somebody may do.
 *
 * Whatever is found is decided about, each by itself, as an evaluation decides. Threat: a list that seems to be all and is not. So
 * where rows admit whom or what nobody can list, the answer is an error that says so.
 */
import { type Proposed, proposeActions, proposePaths, proposeSubjects } from '../../rbac/asking/search.ts'
import { type AccessRequest, canonicaliseUrl } from '../../rbac/request/access-request.ts'
import { objectOfPath } from '../../rbac/request/object-request.ts'
import type { Situation } from '../../rbac/situation.ts'
import { type Circumstances, circumstancesOf, type Statements } from './circumstances.ts'
import type { Asking, QuestionDependencies, Route } from './dependencies.ts'
import { requirePermission } from './evaluate.ts'
import { QuestionFault } from './fault.ts'
import { actionOf, contextOf, entityOf, type Fields, kindOf, own } from './message.ts'
import { type AskedPage, nextToken, type PageOf, pageOf } from './paging.ts'
import { type Place, placeOf, requestAt } from './place.ts'
import { identityOf, subjectKinds } from './subject.ts'

export type Wanted = 'subject' | 'resource' | 'action'

/** What a search goes through, in no order: each with the name by which pages are ordered. */
interface Search {
  readonly place: Place
  readonly request?: AccessRequest | undefined
  readonly askedAbout?: string
  readonly action?: string
  readonly names: readonly string[]
  readonly isAllowed: (name: string) => boolean | Promise<boolean>
  readonly resultOf: (name: string) => Fields
}

/** More cannot be gone through while somebody waits. */
const mostNames = 10_000

const searches = { subject: searchSubjects, resource: searchResources, action: searchActions } as const

export const searchFor =
  (wanted: Wanted): Route =>
  async (message, asking, dependencies) => {
    const revision = dependencies.policy().revision
    const of: PageOf = { asker: asking.asker.name, revision, message, wanted }
    const page = pageOf(message, of, dependencies)
    const search = await searches[wanted](message, asking, dependencies)
    const { found, last } = await collect(search, page)
    report(search, { wanted, asking, revision, found: found.length }, dependencies)
    const token = last === undefined ? '' : nextToken(last, of, dependencies)
    return { results: found, page: { next_token: token, count: found.length } }
  }

/** `last`: there are more behind it. */
async function collect({ names, isAllowed, resultOf }: Search, { limit, after }: AskedPage) {
  if (names.length > mostNames) throw new QuestionFault(422, `there are more than ${mostNames} to go through`)
  const found: Fields[] = []
  let last: string | undefined
  for (const name of [...names].sort()) {
    if (after !== undefined && name <= after) continue
    if (!(await isAllowed(name))) continue
    if (found.length === limit) return { found, last }
    found.push(resultOf(name))
    last = name
  }
  return { found, last: undefined }
}

interface Reported {
  readonly wanted: Wanted
  readonly asking: Asking
  readonly revision: string
  readonly found: number
}

function report(search: Search, { wanted, asking, revision, found }: Reported, { audit }: QuestionDependencies): void {
  const { asker, from, askedId } = asking
  const { place, request, askedAbout, action } = search
  const asked = { askedBy: asker.name, askedAbout, askedId, wanted, domain: place.domain }
  const { requestId, clientAddress } = from
  const what = { resource: request?.resource, action: request?.action ?? action }
  audit.write({ event: 'authzen.searched', requestId, clientAddress, ...asked, ...what, revision, found })
}

/** Throws `QuestionFault` for what whoever asks may not ask. */
function begin(place: Place, said: Statements, asking: Asking, dependencies: QuestionDependencies): Circumstances {
  requirePermission('search', place.domain, asking, dependencies)
  const isBelieved = dependencies.mayAsk(asking.asker, 'assert', place.domain, asking.from)
  return circumstancesOf(said, isBelieved)
}

/** Threat: names of groups, told to whoever may ask. Rows are named to whoever may be told why. */
function listed<T>(proposed: Proposed<T>, { asking, place }: { asking: Asking; place: Place }, what: string) {
  return ({ mayAsk }: QuestionDependencies): readonly T[] => {
    if ('all' in proposed) return proposed.all
    const isExplained = mayAsk(asking.asker, 'explain', place.domain, asking.from)
    const rows = isExplained ? `: ${proposed.unlistable.slice(0, 8).join(', ')}` : ''
    throw new QuestionFault(422, `rows admit ${what}, so that a list would not be all${rows}`)
  }
}

const situationOf = (
  request: AccessRequest,
  identity: Situation['identity'],
  { clientAddress, said }: Circumstances,
  { clock }: Pick<QuestionDependencies, 'clock'>,
): Situation => {
  const now = said.at ?? Math.floor(clock.now() / 1000)
  return { request, identity, context: { now, clientAddress, property: said.property } }
}

async function searchSubjects(message: Fields, asking: Asking, dependencies: QuestionDependencies): Promise<Search> {
  const { type } = kindOf(own(message, 'subject'), 'subject')
  const resource = entityOf(own(message, 'resource'), 'resource')
  const [action, context] = [actionOf(own(message, 'action')), contextOf(own(message, 'context'))]
  const place = placeOf(resource, dependencies)
  const circumstances = begin(place, { resource, action, context }, asking, dependencies)
  const request = requestAt(place, resource, action, dependencies)
  const kind = subjectKinds[type]
  const proposed = kind === undefined ? { all: [] } : proposeSubjects(kind, request, dependencies.policy())
  const names = listed(proposed, { asking, place }, 'people by their groups, or everybody')(dependencies)
  return {
    place,
    request,
    names: kind === 'user' ? names.map(name => writtenId(name, dependencies)) : names,
    async isAllowed(id) {
      const identity = await identityOf({ type, id, properties: {} }, {}, dependencies)
      return isAllow(situationOf(request, identity, circumstances, dependencies), dependencies)
    },
    resultOf: id => ({ type, id }),
  }
}

/** As whoever asks writes it: without the issuer, where that is the usual one. */
function writtenId(subject: string, { people }: QuestionDependencies): string {
  const usual = people.providers.find(({ name }) => name === people.usual)
  const prefix = usual === undefined ? undefined : `${usual.issuer}#`
  const short = prefix !== undefined && subject.startsWith(prefix) ? subject.slice(prefix.length) : subject
  // With a `#` in it, it would be read as one with an issuer.
  return short !== subject && short.includes('#') ? subject : short
}

async function searchActions(message: Fields, asking: Asking, dependencies: QuestionDependencies): Promise<Search> {
  const subject = entityOf(own(message, 'subject'), 'subject')
  const resource = entityOf(own(message, 'resource'), 'resource')
  const context = contextOf(own(message, 'context'))
  const place = placeOf(resource, dependencies)
  const circumstances = begin(place, { subject, resource, context }, asking, dependencies)
  const request = (name: string) => requestAt(place, resource, { name, properties: {} }, dependencies)
  const identity = await identityOf(subject, circumstances.ofSubject, dependencies)
  const { action: _action, ...about } = request('GET')
  return {
    place,
    request: { ...about, action: '*' },
    askedAbout: `${subject.type}:${subject.id}`,
    names: proposeActions(place, place.application?.actions ?? [], dependencies.policy()),
    isAllowed: name => isAllow(situationOf(request(name), identity, circumstances, dependencies), dependencies),
    resultOf: name => ({ name }),
  }
}

async function searchResources(message: Fields, asking: Asking, dependencies: QuestionDependencies): Promise<Search> {
  const subject = entityOf(own(message, 'subject'), 'subject')
  const resource = kindOf(own(message, 'resource'), 'resource')
  const [action, context] = [actionOf(own(message, 'action')), contextOf(own(message, 'context'))]
  const place = placeOf(resource, dependencies)
  const circumstances = begin(place, { subject, resource, action, context }, asking, dependencies)
  const identity = await identityOf(subject, circumstances.ofSubject, dependencies)
  const folder = place.origin === undefined ? `/${resource.type}/` : '/'
  const proposed = proposePaths(
    {
      ...situationOf({ ...nothing, domain: place.domain }, identity, circumstances, dependencies),
      domain: place.domain,
      action: action.name,
      isWanted: path => path.startsWith(folder),
      mayCover: anchor => anchor.startsWith(folder) || folder.startsWith(anchor),
    },
    dependencies.policy(),
  )
  const paths = listed(proposed, { asking, place }, 'objects by a pattern')(dependencies)
  const { type } = resource
  const { origin } = place
  return {
    place,
    askedAbout: `${subject.type}:${subject.id}`,
    action: action.name,
    names: paths.flatMap(path => nameOfPath(path, { origin, type }, dependencies)),
    isAllowed(id) {
      const asked = requestAt(place, { ...resource, id }, action, dependencies)
      return isAllow(situationOf(asked, identity, circumstances, dependencies), dependencies)
    },
    resultOf: id => ({
      type,
      id,
      ...(origin !== undefined && type === 'route' && { properties: { host: place.domain } }),
    }),
  }
}

const nothing = { domain: '', resource: '/', action: '', url: '' } as const

/** An id that is read as the path of a row; none where no question is read so. */
function nameOfPath(
  path: string,
  { origin, type }: { readonly origin: string | undefined; readonly type: string },
  { canonical }: QuestionDependencies,
): readonly string[] {
  if (origin === undefined) {
    const object = objectOfPath(path)
    return object === undefined ? [] : [object.id]
  }
  const written = path.replace(/[^\x21-\x7e]+|[#?]/g, encodeURIComponent)
  try {
    const { url, resource } = canonicaliseUrl('GET', origin + written, canonical)
    return [type === 'route' ? resource : url]
  } catch {
    return []
  }
}

const isAllow = (situation: Situation, { decide }: QuestionDependencies): boolean =>
  decide(situation).effect === 'allow'
