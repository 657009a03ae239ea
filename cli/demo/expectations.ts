/** What the demo's check expects of an answer; each throws an `Error` that says what was seen instead. */
import type { HttpResponse } from './browser.ts'
import type { Echo } from './echo.ts'

export function expectUnforged(seen: Echo, expected: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, value] of expected) expectHeader(seen, name, value)
  const traces = seen.headers.filter(([name, value]) => name.includes('_') || value.toLowerCase().includes('mallory'))
  expect(traces.length === 0, `no trace of the forgery, got ${JSON.stringify(traces)}`)
}

export function linkTo(page: HttpResponse, pattern: RegExp): string {
  const address = pattern.exec(page.body)?.[1]?.replaceAll('&amp;', '&')
  if (address === undefined) throw new Error(`no such link on the page: ${describeResponse(page)}`)
  return new URL(address, page.url).href
}

export function expect(isTrue: boolean, wanted: string): void {
  if (!isTrue) throw new Error(`expected ${wanted}`)
}

export function expectStatus(response: HttpResponse, status: number): void {
  expect(response.status === status, `status ${status}, got ${describeResponse(response)}`)
}

export function expectArrival(page: HttpResponse, url: string): void {
  expect(page.status === 200 && page.url === url, `to arrive at ${url}, got ${describeResponse(page)}`)
}

export function expectRedirect(response: HttpResponse, origin: string): void {
  const target = response.headers.location ?? ''
  expect(
    [302, 303].includes(response.status) && target.startsWith(`${origin}/login?`),
    `a redirect to ${origin}/login, got ${describeResponse(response)}`,
  )
}

/** The header's values joined; `undefined` stands for absent or empty, as proxies differ in which. */
export function expectHeader(seen: Echo, name: string, value: string | undefined): void {
  const values = seen.headers
    .filter(([candidate]) => candidate.toLowerCase() === name.toLowerCase())
    .map(([, text]) => text)
  expect(values.join(' | ') === (value ?? ''), `${name}: ${value ?? 'nothing'}, got ${JSON.stringify(values)}`)
}

export function describeResponse(response: HttpResponse): string {
  const location = response.headers.location === undefined ? '' : ` to ${response.headers.location}`
  return `${response.status}${location} from ${response.url}: ${response.body.slice(0, 160).replaceAll(/\s+/g, ' ')}`
}
