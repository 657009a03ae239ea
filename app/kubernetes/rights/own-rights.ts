/**
 * What the gateway may do in a cluster, asked of the cluster itself: what is missing, and what is too much.
 *
 * Threat: whoever gets hold of the gateway's credential has whatever it may do, without the policy and without our log.
 */

import { type ResourceAttributes, type Rule, rulesAllow } from '../../../rbac/kubernetes/rule.ts'
import type { CallApi } from './api-calls.ts'
import { messageOf } from './api-calls.ts'
import type { Impersonable, ImpersonableExtra } from './impersonable.ts'
import type { ImpersonationMode } from './impersonation-mode.ts'
import { authenticationGroup, groupOf, verbOf } from './impersonator.ts'

export interface OwnRights {
  /** Whom the policy or a session can yield, and the gateway may not speak for: `user alice@example.com`. */
  readonly missing: readonly string[]
  /** What no gateway needs, in a few words each. */
  readonly excess: readonly string[]
}

/** How many names are asked about one by one, where the list of rules does not have them. */
const mostAsked = 100

/** Rejects when the API server cannot be reached, or does not tell. */
export async function askOwnRights(
  call: CallApi,
  { users, groups, uids, extras }: Impersonable,
  mode: ImpersonationMode,
): Promise<OwnRights> {
  const rules = await ownRules(call)
  const may = (asked: Asked) => isAllowed(call, asked)
  const verb = verbOf[mode]
  const [ofNames, ofUids] = [
    { verb, group: groupOf[mode] },
    { verb, group: authenticationGroup },
  ]
  const wanted: readonly { readonly what: string; readonly asked: Asked }[] = [
    ...users.map(name => ({ what: `user ${name}`, asked: { ...ofNames, resource: 'users', name } })),
    ...groups.map(name => ({ what: `group ${name}`, asked: { ...ofNames, resource: 'groups', name } })),
    ...uids.map(name => ({ what: `uid ${name}`, asked: { ...ofUids, resource: 'uids', name } })),
    ...extras.flatMap(({ key, values = ['any'] }) =>
      values.map(name => ({
        what: `extra ${key}`,
        asked: { ...ofUids, resource: 'userextras', subresource: key, name },
      })),
    ),
  ]
  const doubtful = wanted.filter(({ asked }) => !rulesAllow(rules, asked))
  const answers = await inTurn(doubtful.slice(0, mostAsked), async ({ asked }) => may(asked))
  const missing = [...new Set(doubtful.filter((_, at) => answers[at] !== true).map(({ what }) => what))]
  const risky = await inTurn(risks(mode), async ({ asked }) => may(asked))
  const known = { users: new Set(users), groups: new Set(groups), uids: new Set(uids) }
  return {
    missing,
    excess: [
      ...risks(mode).flatMap(({ what }, at) => (risky[at] === true ? [what] : [])),
      ...namesTooMany(rules, known),
      ...extrasTooMany(rules, extras),
    ],
  }
}

interface Asked extends ResourceAttributes {
  readonly namespace?: string
}

const anybody = 'nobody-whom-sallyport-knows'

function risks(mode: ImpersonationMode): readonly { readonly what: string; readonly asked: Asked }[] {
  const rbac = 'rbac.authorization.k8s.io'
  const speaking = (verb: string, group: string) => [
    { what: `${verb} any user`, asked: { verb, group, resource: 'users', name: anybody } },
    { what: `${verb} any group`, asked: { verb, group, resource: 'groups', name: anybody } },
    { what: `${verb} the group system:masters`, asked: { verb, group, resource: 'groups', name: 'system:masters' } },
    { what: `${verb} any uid`, asked: { verb, group: authenticationGroup, resource: 'uids', name: anybody } },
  ]
  const constrained = 'impersonate:user-info'
  return [
    { what: 'everything', asked: { verb: '*', group: '*', resource: '*' } },
    ...speaking('impersonate', ''),
    ...speaking(constrained, authenticationGroup),
    {
      what: 'impersonate service accounts',
      asked: { verb: 'impersonate', group: '', resource: 'serviceaccounts', namespace: 'kube-system', name: 'default' },
    },
    { what: 'escalate roles', asked: { verb: 'escalate', group: rbac, resource: 'clusterroles' } },
    { what: 'bind roles', asked: { verb: 'bind', group: rbac, resource: 'clusterroles' } },
    { what: 'get secrets', asked: { verb: 'get', group: '', resource: 'secrets' } },
    { what: 'list secrets', asked: { verb: 'list', group: '', resource: 'secrets' } },
    {
      what: 'create tokens of service accounts',
      asked: { verb: 'create', group: '', resource: 'serviceaccounts', subresource: 'token' },
    },
    { what: 'create pods', asked: { verb: 'create', group: '', resource: 'pods' } },
    { what: 'exec into pods', asked: { verb: 'create', group: '', resource: 'pods', subresource: 'exec' } },
    { what: 'reach kubelets', asked: { verb: 'get', group: '', resource: 'nodes', subresource: 'proxy' } },
    // Threat: with a right for `impersonate` beside it, constrained impersonation holds nobody back.
    ...(mode === 'legacy'
      ? []
      : [
          {
            what: 'impersonate without constraints, as any session',
            asked: {
              verb: 'impersonate',
              group: authenticationGroup,
              resource: 'userextras',
              subresource: 'sallyport.dev/session',
              name: 'any',
            },
          },
        ]),
  ]
}

type KnownNames = Readonly<Record<'users' | 'groups' | 'uids', ReadonlySet<string>>>

/** Whom a rule names and nobody yields any more: a person who has left, a group that the policy does not know. */
function namesTooMany(rules: readonly Rule[], known: KnownNames): readonly string[] {
  const speaking = rules.filter(({ verbs }) => Object.values(verbOf).some(verb => verbs.includes(verb)))
  const kinds = ['users', 'groups', 'uids'] as const
  const found = speaking.flatMap(({ resources = [], resourceNames = [], verbs }) =>
    kinds
      .filter(kind => resources.includes(kind))
      .flatMap(kind =>
        resourceNames
          .filter(name => !known[kind].has(name))
          .map(name => `${verbs[0]} the ${kind.slice(0, -1)} ${name}`),
      ),
  )
  return [...new Set(found)]
}

/** Extras that nobody lends, and values of those that are lent one by one. */
function extrasTooMany(rules: readonly Rule[], extras: readonly ImpersonableExtra[]): readonly string[] {
  const known = new Map(extras.map(({ key, values }) => [key, values] as const))
  const found = rules.flatMap(({ resources = [], resourceNames = [], verbs }) => {
    const verb = verbs.find(one => Object.values(verbOf).includes(one))
    return verb === undefined
      ? []
      : resources.flatMap(resource => tooManyOf(resource, resourceNames, known).map(what => `${verb} ${what}`))
  })
  return [...new Set(found)]
}

function tooManyOf(
  resource: string,
  resourceNames: readonly string[],
  known: ReadonlyMap<string, readonly string[] | undefined>,
): readonly string[] {
  const [, key] = /^userextras\/(.*)$/s.exec(resource) ?? []
  if (key === undefined) return []
  if (!known.has(key)) return [`the extra ${key}`]
  const values = known.get(key)
  if (values === undefined) return []
  if (resourceNames.length === 0) return [`any value of the extra ${key}`]
  return resourceNames.some(name => !values.includes(name)) ? [`other values of the extra ${key}`] : []
}

const authorization = '/apis/authorization.k8s.io/v1'
const apiVersion = 'authorization.k8s.io/v1'

/** Rules of the whole cluster, which those of any namespace have among them. Not all of them where an authorizer does not tell. */
async function ownRules(call: CallApi): Promise<readonly Rule[]> {
  const status = await review<{ readonly resourceRules?: readonly Rule[] }>(call, 'SelfSubjectRulesReview', {
    namespace: 'default',
  })
  return status.resourceRules ?? []
}

async function isAllowed(call: CallApi, resourceAttributes: Asked): Promise<boolean> {
  const status = await review<{ readonly allowed?: boolean }>(call, 'SelfSubjectAccessReview', { resourceAttributes })
  return status.allowed === true
}

async function review<T>(call: CallApi, kind: string, spec: object): Promise<T> {
  const target = `${authorization}/${kind.toLowerCase()}s`
  const answer = await call({ method: 'POST', target, body: { apiVersion, kind, spec } })
  if (answer.status !== 201) throw new Error(messageOf(answer))
  return (answer.body as { readonly status: T }).status
}

/** A cluster that has just started is not asked a hundred things at once. */
async function inTurn<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = []
  for (const item of items) answers.push(await ask(item))
  return answers
}
