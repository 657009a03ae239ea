/** Pages in one language, or in the one that each reader's browser asks for. */
import accepts from 'accepts'
import { createPages, type PagesOptions } from './create-pages.ts'
import { type Language, messages } from './messages/messages.ts'
import type { Page, Pages, PagesFor } from './pages.ts'

export interface PagesForOptions extends Omit<PagesOptions, 'language'> {
  /** `auto`: what `Accept-Language` asks for, English where that is none of ours. Default `en`. */
  readonly language?: Language | 'auto'
}

const languages = Object.keys(messages) as readonly Language[]
/** Browsers name some five languages. Threat: one of 32 KB, with every request for a page. */
const longestRead = 400

export function createPagesFor({ language = 'en', ...options }: PagesForOptions = {}): PagesFor {
  if (language !== 'auto') {
    const pages = createPages({ ...options, language })
    return () => pages
  }
  const all = new Map(languages.map(tag => [tag, ofReader(createPages({ ...options, language: tag }))] as const))
  const fallback = ofReader(createPages(options))
  return ({ headers: { 'accept-language': wanted = '' } }) => {
    const request = { headers: { 'accept-language': wanted.slice(0, longestRead) } }
    const found = accepts(request as unknown as Parameters<typeof accepts>[0]).languages([...languages])
    return all.get(found as Language) ?? fallback
  }
}

/** The same pages, each of which says that another reader gets another one. */
function ofReader(pages: Pages): Pages {
  const mark =
    <Data>(make: (data: Data) => Page) =>
    (data: Data): Page => ({ ...make(data), isOfReader: true })
  const marked = Object.entries(pages).map(([name, make]) => [name, mark(make as (data: never) => Page)])
  return Object.fromEntries(marked) as Pages
}
