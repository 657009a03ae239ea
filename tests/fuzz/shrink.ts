/** The smallest part of a case that still is the same finding. */
import type { FuzzCase, RawRequest } from './fuzz-case.ts'

/** Resolves with the case, or a smaller one; `isFound` sends one and says whether it shows the finding. */
export async function shrink(
  whole: FuzzCase,
  isFound: (smaller: FuzzCase) => Promise<boolean>,
  most = 200,
): Promise<FuzzCase> {
  let best = whole
  let left = most
  for (;;) {
    const next = await firstOf(smallerThan(best), async one => {
      left -= 1
      return left >= 0 && (await isFound(one))
    })
    if (next === undefined) return best
    best = next
  }
}

async function firstOf<T>(choices: Iterable<T>, isWanted: (one: T) => Promise<boolean>): Promise<T | undefined> {
  for (const one of choices) if (await isWanted(one)) return one
  return undefined
}

function* smallerThan({ requests, isDoubtful }: FuzzCase): Generator<FuzzCase> {
  if (requests.length > 1) for (const rest of withoutOne(requests)) yield { requests: rest, isDoubtful }
  for (const [place, request] of requests.entries())
    for (const smaller of smallerRequests(request)) yield { requests: requests.with(place, smaller), isDoubtful }
}

function* smallerRequests(request: RawRequest): Generator<RawRequest> {
  for (const headers of withoutOne(request.headers)) yield { ...request, headers }
  for (const target of withoutOne(request.target)) if (target.length > 0) yield { ...request, target }
  if (request.body !== '') yield { ...request, body: '' }
  if (request.method !== 'GET') yield { ...request, method: 'GET' }
  if (request.version !== ' HTTP/1.1') yield { ...request, version: ' HTTP/1.1' }
  if (request.eol === '\n') yield { ...request, eol: '\r\n' }
  for (const [place, part] of request.target.entries())
    if (part.length > 12 && !part.includes('<<'))
      yield { ...request, target: request.target.with(place, part.slice(0, part.length / 2)) }
}

function* withoutOne<T>(list: readonly T[]): Generator<T[]> {
  for (const place of list.keys()) yield list.toSpliced(place, 1)
}
