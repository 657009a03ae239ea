/** What several pages are made of: links, the number of a request, whom to ask. */
import { cut, type Html, html, sizeInPage } from './html.ts'
import type { Messages } from './messages/english.ts'

/** Pages travel through the check of a proxy, where 4 KB are the limit; these share what the frame leaves. */
export const WHO_BYTES = 100
export const URL_BYTES = 200
/** As long as a text may be. */
const CONTACT_BYTES = 200
/** Of an address, which is behind the link whole. */
const SHOWN_ADDRESS_BYTES = 80

/** What every page knows. */
export interface PageContext {
  readonly words: Messages
  /** Whom people may ask: a text, or an address that begins with `https:` or `mailto:`. */
  readonly contact?: string
}

interface LinkOptions {
  readonly isMain?: boolean
  readonly hasFocus?: boolean
}

export const link = (url: string, label: string, { isMain = false, hasFocus = false }: LinkOptions = {}): Html =>
  html`<a${isMain ? html` class="main"` : undefined}${hasFocus ? html` autofocus` : undefined} href="${isWeb(url) ? url : '/'}">${label}</a>`

const relativeTo = 'http://relative.invalid'

/** An address whose scheme can be seen at a glance. */
const plainWeb = /^https?:\/\/[\w.-]+(?::\d+)?(?:[/?#][!-~]*)?$/

/** Anything else would be a script in an address. */
export const isWeb = (url: string): boolean =>
  plainWeb.test(url) ||
  (URL.canParse(url, relativeTo) && (/^https?:/.test(url) || /^https?:$/.test(new URL(url, relativeTo).protocol)))

/**
 * Too long a link loses where to return to, so that the person lands on the first page after logging in: better than a
 * page of which the proxy passes on the first 4 KB.
 */
export function shortened(url: string, maxBytes: number): string {
  if (sizeInPage(url) <= maxBytes) return url
  if (!URL.canParse(url, relativeTo)) return '/'
  const target = new URL(url, relativeTo)
  target.searchParams.delete('rd')
  target.searchParams.delete('handoff')
  const shorter = target.origin === relativeTo ? `${target.pathname}${target.search}` : target.href
  return sizeInPage(shorter) <= maxBytes ? shorter : '/'
}

/** What is selected whole by one click; the button needs the script `buttons`. */
export const copiable = (text: string, { copy, copied }: Messages): Html =>
  html`<code>${text}</code> <button hidden data-done="${copied}">${copy}</button>`

/** It needs the script `buttons`; without, a browser has its own. */
export const backButton = ({ back }: Messages): Html => html`<button hidden>${back}</button>`

export function contactBody({ contact, words }: PageContext): Html | undefined {
  if (contact === undefined) return undefined
  const [, scheme, rest = ''] = /^(https:|mailto:)(.+)$/s.exec(contact) ?? []
  const shown = cut(
    scheme === 'mailto:' ? rest.replace(/\?.*$/s, '') : contact,
    scheme === undefined ? CONTACT_BYTES : SHOWN_ADDRESS_BYTES,
  )
  return html`
<p><small>${words.contact}</small> ${scheme === undefined ? shown : html`<a href="${contact}">${shown}</a>`}</p>`
}
