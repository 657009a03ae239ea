/** Rules of a role as the API server reads them (k8s.io/kubernetes 1.37, plugin/pkg/auth/authorizer/rbac). Pure. */

/** `rbac.authorization.k8s.io/v1` PolicyRule. */
export interface Rule {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly verbs: readonly string[]
  /** None: all of them. Compared as they are: `*` is a name like any other. */
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}

/** What an authorizer is asked about a resource. */
export interface ResourceAttributes {
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly subresource?: string
  readonly name?: string
}

interface UrlAttributes {
  readonly verb: string
  readonly path: string
}

export const ruleAllows = (rule: Rule, asked: ResourceAttributes | UrlAttributes): boolean =>
  holds(rule.verbs, asked.verb) && ('path' in asked ? coversUrl(rule, asked) : coversResource(rule, asked))

export const rulesAllow = (rules: readonly Rule[], asked: ResourceAttributes | UrlAttributes): boolean =>
  rules.some(rule => ruleAllows(rule, asked))

const holds = (values: readonly string[] = [], value: string): boolean => values.includes(value) || values.includes('*')

/** Every `*` at the end is taken off, not the last one alone: `/logs/**` covers `/logs/kubelet`, and `/logs/*` nothing else. */
const coversUrl = ({ nonResourceURLs = [] }: Rule, { path }: UrlAttributes): boolean =>
  nonResourceURLs.some(url => url === path || (url.endsWith('*') && path.startsWith(withoutStars(url))))

function withoutStars(url: string): string {
  let end = url.length
  while (url[end - 1] === '*') end -= 1
  return url.slice(0, end)
}

/** An empty subresource is none: a rule for what is called a slash and nothing after it covers nothing. */
function coversResource(rule: Rule, { group, resource, subresource = '', name = '' }: ResourceAttributes): boolean {
  const { apiGroups, resources = [], resourceNames = [] } = rule
  const whole = subresource === '' ? resource : `${resource}/${subresource}`
  const isOfKind = holds(resources, whole) || (subresource !== '' && resources.includes(`*/${subresource}`))
  return holds(apiGroups, group) && isOfKind && (resourceNames.length === 0 || resourceNames.includes(name))
}
