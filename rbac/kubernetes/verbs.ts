/** Which verbs a call to an API server can have, so which a row of a `kube:` domain can name. */

/** Of resources; `proxy` is that of the old `/api/v1/proxy/` alone, and `impersonate` is asked when a call has `--as`. */
const resourceVerbs = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
  'proxy',
  'impersonate',
]

/** Of non-resource URLs, which have the method in lower case. */
const urlVerbs = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options']

export const kubernetesVerbs: readonly string[] = [...new Set([...resourceVerbs, ...urlVerbs])]

/** What the API server asks its own authorizer about what is in a call, and no call ever is. */
export const verbsWithin: ReadonlySet<string> = new Set(['approve', 'attest', 'bind', 'escalate', 'sign', 'use'])
