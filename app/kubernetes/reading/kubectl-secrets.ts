/** Names and types of Secrets, as kubectl prints them. */
import type { Reader } from './source.ts'

/**
 * Threat: what a Secret holds; kubectl keeps it to itself, and hands on its metadata, as JSON, and its type. Threat: a type is
 * any text, and kubectl prints it as it is: whoever may create a Secret would end ours with it, and write what comes next. So
 * it stands between marks that nobody knows beforehand.
 * @param mark of one call alone
 */
export const secretsTemplate = (mark: string): string =>
  `jsonpath={range .items[*]}{.metadata}{"${mark}"}{.type}{"${mark}\\n"}{end}`

interface Printed {
  readonly mark: string
  readonly source: string
  readonly reader: Reader
}

/** Adds what is printed by the template; what does not look like it is a problem. */
export function addSecrets(text: string, { mark, source, reader: { reading } }: Printed): void {
  const entries = text.split(`${mark}\n`)
  if (entries.pop()?.trim() !== '') addProblem('cut-off', 'the names of Secrets end in the middle')
  for (const entry of entries) {
    const [metadata = '', type] = entry.split(mark)
    try {
      reading.addObject({ apiVersion: 'v1', kind: 'Secret', type, metadata: JSON.parse(metadata) }, { source })
    } catch {
      addProblem('unreadable-document', 'the metadata of a Secret is no JSON')
    }
  }

  function addProblem(code: 'cut-off' | 'unreadable-document', message: string): void {
    reading.addProblem({ code, unread: 1, place: { source }, object: 'Secret', message })
  }
}
