/** A live cluster from within: as the service account of the pod, page by page. */
import type { ApiCall, ApiResult } from '../rights/api-calls.ts'
import { messageOf } from '../rights/api-calls.ts'
import {
  type Asked,
  type AskedList,
  begin,
  isSecret,
  listsAsked,
  noSuchNamespace,
  notPermitted,
  pathOf,
} from './kinds-asked.ts'
import type { Reader } from './source.ts'

export interface ApiServerOptions extends Asked {
  readonly call: (call: ApiCall) => Promise<ApiResult>
  /** Shown as the place of what is read. */
  readonly source: string
}

const pageSize = 500

/** Rejects when the API server cannot be reached, does not know who asks, or has no such namespace. */
export async function readByApiServer(options: ApiServerOptions, reader: Reader): Promise<void> {
  const lists = listsAsked(options)
  begin(options, options.source, reader)
  const version = await options.call({ method: 'GET', target: '/version' })
  reader.reading.addServerVersion(version.status === 200 ? version.body : undefined, options.source)
  for (const [done, list] of lists.entries()) {
    reader.progress(
      () => `asking the cluster, ${done} of ${lists.length} lists, ${reader.reading.objectsSeen()} objects`,
    )
    await readList(list, options, reader)
  }
}

async function readList(list: AskedList, { call, source }: ApiServerOptions, { reading }: Reader): Promise<void> {
  const pages: unknown[] = []
  const { kind, name } = list
  let [next, limit] = ['', name === undefined ? `limit=${pageSize}` : '']
  do {
    const page = await call({
      method: 'GET',
      target: `${pathOf(list)}?${limit}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`,
      ...(isSecret(list) && { accept: namesAlone }),
    })
    if (page.status === 410 && limit !== '') {
      // The list has gone on for so long that its beginning is forgotten: all of it at once.
      pages.length = 0
      ;[next, limit] = ['', '']
      continue
    }
    if (isRefused(page, list)) {
      reading.addProblem(notPermitted(list, source, messageOf(page)))
      return
    }
    pages.push(page.body)
    const further = nextOf(page.body)
    if (further !== '' && further === next) throw new Error(`${pathOf(list)}: the list comes to no end`)
    next = further
  } while (next !== '' || (limit === '' && pages.length === 0))
  reading.markRead(kind)
  for (const page of pages) for (const object of objectsOf(page, list)) reading.addObject(object, { source })
}

/** Throws for whatever else is no answer. */
function isRefused(page: ApiResult, list: AskedList): boolean {
  if (page.status === 404 && list.name !== undefined) throw noSuchNamespace(list.name)
  if (page.status === 403 || page.status === 404) return true
  if (page.status !== 200) throw new Error(`${pathOf(list)}: ${messageOf(page)}`)
  // Threat: a proxy that answers with a page of its own, which would be a cluster with nothing in it.
  if (typeof page.body !== 'object' || page.body === null) throw new Error(`${pathOf(list)}: the answer is no object`)
  return false
}

/** Threat: what a Secret holds. A table has its type in a column, and metadata beside it; the data stays in the server. */
const namesAlone = 'application/json;as=Table;v=v1;g=meta.k8s.io'

interface Page {
  readonly kind?: string
  readonly metadata?: { readonly continue?: string }
  readonly columnDefinitions?: readonly { readonly name: string }[]
  readonly rows?: readonly { readonly cells: readonly unknown[]; readonly object: { readonly metadata: unknown } }[]
}

const nextOf = (body: unknown): string => (body as Page | undefined)?.metadata?.continue ?? ''

function objectsOf(body: unknown, { kind }: AskedList): readonly unknown[] {
  const { kind: whole, columnDefinitions = [], rows } = body as Page
  if (whole !== 'Table') return [body]
  const type = columnDefinitions.findIndex(({ name }) => name === 'Type')
  return (rows ?? []).map(({ cells, object: { metadata } }) => ({
    apiVersion: 'v1',
    kind,
    type: cells[type],
    metadata,
  }))
}
