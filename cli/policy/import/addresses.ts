/** Lists of addresses and of their domains as subjects of rows, where the original compares them as they are written. */
import type { Report } from './report.ts'

export interface Place {
  readonly line: number
  readonly report: Report
}

/** Rows compare the domain of an address without case: one that is not written in lower case would mean more here. */
export function addressesIn(texts: readonly string[], place: Place): readonly string[] {
  return subjectsOf(texts, /^([^@\s,"#]+@[a-z0-9.-]+)$/, { ...place, kind: 'email' })
}

export function domainsIn(texts: readonly string[], place: Place): readonly string[] {
  return subjectsOf(texts, /^([a-z0-9-][a-z0-9.-]*)$/, { ...place, kind: 'email-domain' })
}

interface SubjectPlace extends Place {
  readonly kind: 'email' | 'email-domain'
}

function subjectsOf(texts: readonly string[], form: RegExp, { line, report, kind }: SubjectPlace): readonly string[] {
  return texts.flatMap(text => {
    if (form.test(text)) return [`${kind}:${text}`]
    const what = kind === 'email' ? 'an address' : 'a domain of addresses'
    report.leftOut(
      line,
      text === '' ? 'an empty entry' : text,
      `not ${what} with its domain in lower case`,
      'Correct it.',
    )
    return []
  })
}
