/** Reads fields of an object that somebody wrote, and notes what is not as it should be. */
import type { Metadata, Place, ReadingProblem } from '../objects.ts'

export type Entry = Readonly<Record<string, unknown>>

/** Where notes about one object go. */
export interface Notes {
  readonly object: string
  readonly place: Place
  /** Nothing unread: the object itself counts as read. */
  readonly note: (code: ReadingProblem['code'], message: string) => void
}

/** Thrown for an object that is not read at all. */
export class InvalidObject extends Error {}

export const isEntry = (value: unknown): value is Entry =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const entryOf = (value: unknown): Entry => (isEntry(value) ? value : {})

export const entriesOf = (value: unknown): readonly Entry[] => (Array.isArray(value) ? value.filter(isEntry) : [])

export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** A text that has to be there. Throws `InvalidObject`. */
export function needText(value: unknown, field: string): string {
  const text = textOf(value)
  if (text === undefined) throw new InvalidObject(`${field} is no text, and the API server takes no such object`)
  return text
}

/** A whole number, as `replicas`. */
export const numberOf = (value: unknown): number | undefined =>
  Number.isInteger(value) ? (value as number) : undefined

export const flagOf = (value: unknown): boolean | undefined => (typeof value === 'boolean' ? value : undefined)

/** Longer ones hold whole objects, secrets among them: `last-applied-configuration` has the data of a Secret. */
const longestAnnotation = 1024
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

export interface MetadataChoice {
  readonly place: Place
  readonly isNamespaced: boolean
  /** Where an object of a namespace names none, as `kubectl apply` takes that of the context. */
  readonly namespace: string
  readonly onAssumed: () => void
  /** Whether `managedFields` count. */
  readonly hasManagers: boolean
}

/** Throws `InvalidObject`. */
export function metadataOf(value: unknown, choice: MetadataChoice): Metadata {
  if (!isEntry(value)) throw new InvalidObject('metadata is missing')
  const { uid, creationTimestamp } = value
  const [owner] = entriesOf(value.ownerReferences)
  const annotations = textsOf(value.annotations, 'metadata.annotations').filter(
    ([key, text]) => key !== lastApplied && text.length <= longestAnnotation,
  )
  const [name, labels] = [nameOf(value), Object.fromEntries(textsOf(value.labels, 'metadata.labels'))]
  const namespace = choice.isNamespaced ? namespaceOf(value.namespace, choice) : undefined
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(typeof uid === 'string' && { uid }),
    labels,
    annotations: Object.fromEntries(annotations),
    ...(typeof creationTimestamp === 'string' && { creationTimestamp }),
    ...(choice.hasManagers && managersIn(value.managedFields)),
    ...(owner !== undefined && { owner: `${String(owner.kind)}/${String(owner.name)}` }),
    place: choice.place,
  }
}

/** A manager is a text that anybody chooses. */
function managersIn(value: unknown): { readonly managers?: readonly string[] } {
  const names = entriesOf(value).flatMap(({ manager, subresource }) =>
    typeof manager === 'string' && manager !== '' && subresource === undefined
      ? [manager.slice(0, longestManager)]
      : [],
  )
  return names.length === 0 ? {} : { managers: [...new Set(names)].slice(0, mostManagers) }
}

/** Characters; the API server takes no longer one. */
const longestManager = 128
const mostManagers = 20

/** `generateName` is a name as well: the object will be there, and its rights with it. */
function nameOf({ name, generateName }: Entry): string {
  if (name === undefined && textOf(generateName) !== undefined) return `${generateName as string}*`
  const text = needText(name, 'metadata.name')
  // The API server takes no other, and a slash would make one id of two.
  if (text === '.' || text === '..' || /[/%]/.test(text))
    throw new InvalidObject('metadata.name has a character that the API server does not take')
  return text
}

function namespaceOf(value: unknown, { namespace, onAssumed }: MetadataChoice): string {
  if (value === undefined || value === null || value === '') {
    onAssumed()
    return namespace
  }
  const text = needText(value, 'metadata.namespace')
  if (text.includes('/')) throw new InvalidObject('metadata.namespace is no name of a namespace')
  return text
}

function textsOf(value: unknown, field: string): [string, string][] {
  if (value === undefined || value === null) return []
  if (!isEntry(value)) throw new InvalidObject(`${field} is no mapping`)
  const texts: [string, string][] = []
  for (const [key, text] of Object.entries(value)) {
    // An unquoted true is no text: the API server refuses the object, and a selector would not find it.
    if (text !== null && typeof text !== 'string')
      throw new InvalidObject(`${field}.${key} is no text: it needs quotes`)
    texts.push([key, text ?? ''])
  }
  return texts
}

/** Notes each key that the API server does not know: it stands in the wrong place, or is mistyped. */
export function noteUnknown(entry: Entry, known: readonly string[], { notes, at }: { notes: Notes; at: string }): void {
  for (const key of Object.keys(entry))
    if (!known.includes(key))
      notes.note('lost-rule', `${at === '' ? '' : `${at}.`}${key} is no field of it: what it holds is lost`)
}
