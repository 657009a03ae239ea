/** What a review is asked about, as people write it: `cluster-admin`, `namespace:payments`, `payments/deployer`. */
import type { Finding, NodeId } from '../../../rbac/reach/finding.ts'
import type { Asked } from '../../../rbac/reach/report/baseline.ts'
import type { Review } from '../../../rbac/reach/review.ts'
import { idOf, type SubjectId } from '../../../rbac/reach/subject.ts'
import { readSubject } from './subject-argument.ts'

const sinks: Readonly<Record<string, NodeId>> = {
  'cluster-admin': 'sink:cluster-admin',
  'system:masters': 'sink:system-masters',
  'all-secrets': 'sink:all-secrets',
  node: 'sink:node',
}

/** Throws a sentence for what is neither a sink, nor a namespace, nor somebody; and for somebody whom nothing names. */
export function targetOf(text: string, { graph, facts }: Review): NodeId {
  const sink = sinks[text]
  if (sink !== undefined) return sink
  const [, name] = /^(?:namespace|secrets):([^*]+)$/.exec(text) ?? []
  if (name !== undefined) {
    if (facts.namespaces.includes(name)) return text
    throw new Error(`there is no namespace ${name} in what was read`)
  }
  const id = subjectIdOf(text)
  if (facts.isAccount(id) || graph.to.has(id) || graph.from.has(id)) return id
  throw new Error(`there is no ${text} in what was read: neither does it exist, nor does a binding name it`)
}

/** Throws a sentence for what is nobody; that of an argument is commander's own, which it has printed only when it parses. */
export function subjectIdOf(text: string): SubjectId {
  try {
    return idOf(readSubject(text))
  } catch (error) {
    throw new Error(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** Throws a sentence for what is nobody. @returns the id of the subject, if there is one */
export const askedOf = ({ subject, namespace }: Asked): Asked => ({
  ...(subject !== undefined && { subject: subjectIdOf(subject) }),
  ...(namespace !== undefined && { namespace }),
})

/** Those of a subject, and those that hold in a namespace, are of an account of it, or reach into it. */
export const filtered = <One extends Pick<Finding, 'subject' | 'namespace' | 'targets'>>(
  findings: readonly One[],
  { subject, namespace }: Asked,
): readonly One[] =>
  findings
    .filter(one => subject === undefined || one.subject === subject)
    .filter(
      one =>
        namespace === undefined ||
        one.namespace === namespace ||
        [one.subject, ...one.targets].some(node => isIn(node, namespace)),
    )

const isIn = (node: NodeId, namespace: string): boolean =>
  /^(service-account|service-accounts|pods|secrets|secret|namespace|workload):/.test(node) &&
  node.slice(node.indexOf(':') + 1).split('/', 1)[0] === namespace
