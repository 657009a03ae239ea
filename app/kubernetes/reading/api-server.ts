/** A live cluster from within: as the service account of the pod, page by page. */
import type { ApiCall, ApiResult } from '../rights/api-calls.ts'
import { messageOf } from '../rights/api-calls.ts'
import { type AskedKind, askedKinds, notPermitted, secrets } from './kinds-asked.ts'
import type { Reader } from './source.ts'

export interface ApiServerOptions {
  readonly call: (call: ApiCall) => Promise<ApiResult>
  /** Shown as the place of what is read. */
  readonly source: string
  readonly scansSecrets: boolean
}

const pageSize = 500

/** Rejects when the API server cannot be reached, or does not know who asks. */
export async function readByApiServer(options: ApiServerOptions, reader: Reader): Promise<void> {
  const kinds = [...askedKinds, ...(options.scansSecrets ? [secrets] : [])]
  const version = await options.call({ method: 'GET', target: '/version' })
  reader.reading.addServerVersion(version.status === 200 ? version.body : undefined, options.source)
  for (const [done, kind] of kinds.entries()) {
    reader.progress(
      () => `asking the cluster, ${done} of ${kinds.length} kinds, ${reader.reading.objectsSeen()} objects`,
    )
    await readKind(kind, options, reader)
  }
}

async function readKind(kind: AskedKind, { call, source }: ApiServerOptions, { reading }: Reader): Promise<void> {
  const pages: unknown[] = []
  let [next, limit] = ['', `limit=${pageSize}`]
  do {
    const page = await call({
      method: 'GET',
      target: `${kind.path}?${limit}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`,
      ...(kind === secrets && { accept: namesAlone }),
    })
    if (page.status === 410 && limit !== '') {
      // The list has gone on for so long that its beginning is forgotten: all of it at once.
      pages.length = 0
      ;[next, limit] = ['', '']
      continue
    }
    if (page.status === 403 || page.status === 404) {
      reading.addProblem(notPermitted(kind, source, messageOf(page)))
      return
    }
    if (page.status !== 200) throw new Error(`${kind.path}: ${messageOf(page)}`)
    pages.push(page.body)
    next = nextOf(page.body)
  } while (next !== '' || (limit === '' && pages.length === 0))
  reading.markRead(kind.kind)
  for (const page of pages) for (const object of objectsOf(page, kind)) reading.addObject(object, { source })
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

function objectsOf(body: unknown, { kind }: AskedKind): readonly unknown[] {
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
