/** What the authorizer was asked about a call, out of its audit event. */
import { readKubernetesRequest } from '../../kubernetes/request.ts'
import type { AccessQuestion } from '../grant.ts'

type Fields = Readonly<Record<string, unknown>>

/** `undefined` where the event does not say it. */
export function questionOf({ verb, objectRef, requestURI }: Fields): AccessQuestion | undefined {
  const uri = text(requestURI)
  if (typeof objectRef !== 'object' || objectRef === null) return pathQuestion(text(verb), uri)
  const { resource, subresource, apiGroup, namespace, name } = objectRef as Fields
  if (text(resource) === '') return pathQuestion(text(verb), uri)
  const parts = {
    verb: text(verb),
    group: text(apiGroup),
    resource: text(resource),
    ...(text(subresource) !== '' && { subresource: text(subresource) }),
    ...(text(namespace) !== '' && { namespace: text(namespace) }),
  }
  const asked = nameAsked(parts, text(name), uri)
  return asked === '' ? parts : { ...parts, name: asked }
}

function pathQuestion(verb: string, uri: string): AccessQuestion | undefined {
  const [path = ''] = uri.split('?')
  return path.startsWith('/') ? { verb, path: decodePath(path) } : undefined
}

type Parts = Exclude<AccessQuestion, { readonly path: string }>

/**
 * The name that the authorizer saw. `objectRef.name` is filled in later with the name of what was made, so a rule with resourceNames
 * made of it would never let a `create` pass: the address of the call says it.
 */
function nameAsked({ verb, resource, subresource }: Parts, name: string, uri: string): string {
  if (name === '') return ''
  const method = methods[verb]
  const read = method === undefined || uri === '' ? undefined : readKubernetesRequest({ method, target: uri })
  if (read?.kind === 'resource' && read.resource === resource) return read.name ?? ''
  const isNameless = (verb === 'create' && subresource === undefined) || verb === 'deletecollection'
  return isNameless ? '' : name
}

const methods: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
