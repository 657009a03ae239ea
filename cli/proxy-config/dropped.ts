/** What no client gets through, for proxies that drop whole families by what they begin with. */
import { droppedHeaders, isDropped } from '../client-headers/dropped-headers.ts'
import type { ProxyQuestion } from './question.ts'

export interface DroppedPattern {
  /** Who sets it where it is true. */
  readonly of: string
  /** A name, or what names begin with. */
  readonly name: string
  readonly isPrefix: boolean
}

/** In the order of the table. Without `X-Forwarded-*`, all of which these proxies drop anyway. */
export function droppedPatterns(): readonly DroppedPattern[] {
  const patterns = droppedHeaders.flatMap(({ of, prefix, names }) =>
    prefix === undefined ? names.map(name => ({ of, name, isPrefix: false })) : [{ of, name: prefix, isPrefix: true }],
  )
  return patterns.filter(({ name }) => !isAlways(name))
}

/** Names of the configuration that no rule of every file covers: identity headers of other names, and certificates. */
export function alsoDropped({ identity, hostHeaders, clientCertificateHeader }: ProxyQuestion): readonly string[] {
  const names = [
    ...Object.values(identity),
    ...hostHeaders.filter(name => !isDropped(name.toLowerCase())),
    ...(clientCertificateHeader === undefined ? [] : [clientCertificateHeader]),
  ]
  return names.filter(name => !isAlways(name))
}

/** The same for proxies that drop by name alone, and drop the identity headers in force in lines of their own. */
export function alsoDroppedByName(question: ProxyQuestion): readonly string[] {
  const { identity, hostHeaders, clientCertificateHeader } = question
  const known = new Set([
    ...Object.values(identity).map(name => name.toLowerCase()),
    ...droppedHeaders.flatMap(({ names }) => names.map(name => name.toLowerCase())),
  ])
  const certificate = clientCertificateHeader === undefined ? [] : [clientCertificateHeader]
  return [...usual, ...hostHeaders, ...certificate].filter(name => {
    const isNew = !known.has(name.toLowerCase())
    known.add(name.toLowerCase())
    return isNew
  })
}

/** Of identity headers, where others are in force. */
const usual = ['Remote-User', 'Remote-Email', 'Remote-Name', 'Remote-Groups', 'X-Sallyport-Assertion']

const isAlways = (name: string): boolean => /^(?:remote-|x-sallyport-|x-forwarded-)/i.test(name)
