/** Ways out to issuers, each with the authority that vouches for it. */
import { readFile } from 'node:fs/promises'
import type { FetchText } from '../identity/token/key-source.ts'
import { createOutbound, type Outbound } from '../login/provider/outbound.ts'

/** Rejects when the authority cannot be read. */
export type WayOut = () => Promise<Outbound>

const timeoutMs = 5_000

/** The authority is read anew with each question, as its file may change. `ways`: those that are open. */
export function createWayOut(caPath: string | undefined, ways: Set<Outbound>): WayOut {
  let way: { readonly outbound: Outbound; readonly authority: string | undefined } | undefined
  return async () => {
    const authority = caPath === undefined ? undefined : await readFile(caPath, 'utf8')
    if (way !== undefined && way.authority === authority) return way.outbound
    const outbound = createOutbound(authority === undefined ? {} : { certificateAuthority: authority })
    const old = way
    way = { outbound, authority }
    ways.add(outbound)
    if (old !== undefined) {
      ways.delete(old.outbound)
      await old.outbound.close()
    }
    return outbound
  }
}

/** Follows no redirect. */
export function fetchText(way: WayOut): FetchText {
  return async (url, headers) => {
    const { fetch } = await way()
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(url, { headers, redirect: 'manual', signal })
    if (response.status !== 200) throw new Error(`the answer of ${new URL(url).host} has the status ${response.status}`)
    return response.text()
  }
}
