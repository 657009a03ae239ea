/** When a check (`--fail-on`) has no answer: something that may give rights was not read, and who reads nothing finds nothing. */
import type { ClusterObjects, ReadingProblem } from '../../../rbac/reach/objects.ts'
import { printable } from '../../../spelling/printable.ts'
import { exitCodes, type Terminal } from '../../terminal.ts'
import { placeText } from './problems-text.ts'
import { wrapped } from './wrapped.ts'

const rightsKinds: ReadonlySet<string> = new Set(['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'])

/** Whatever is in there, nobody has seen it. */
const unseen: ReadonlySet<ReadingProblem['code']> = new Set([
  ...(['unreadable-document', 'cut-off', 'too-much', 'lost-rule'] as const),
  ...(['other-namespaces', 'unknown-role'] as const),
])

/**
 * Threat: a document that is cut off before its bindings, or bindings that may not be listed, would let everything pass.
 * Objects of other kinds that the API server refuses, and kinds that nobody knows, give no right.
 * @param needed kinds that the answer cannot do without, beside roles and bindings
 */
export function unansweredBy(
  { problems }: Pick<ClusterObjects, 'problems'>,
  needed: readonly string[] = [],
): readonly ReadingProblem[] {
  const isNeeded = (object = ''): boolean => rightsKinds.has(object) || needed.includes(object)
  return problems.filter(({ code, object }) => {
    if (unseen.has(code)) return true
    if (code === 'invalid-object') return rightsKinds.has(object?.split('/')[0] ?? '')
    return code === 'not-permitted' && isNeeded(object)
  })
}

interface Check {
  /** As the command line has it. */
  readonly option: '--fail-on' | '--what-if'
  /** Whether the check fails by what was read. */
  readonly isBad: boolean
  readonly needed?: readonly string[]
}

/** @returns the exit code of a check; what keeps it from an answer is said on standard error */
export function checked(objects: ClusterObjects, { option, isBad, needed }: Check, terminal: Terminal): number {
  const [first, ...more] = unansweredBy(objects, needed)
  if (first === undefined) return isBad ? exitCodes.failure : exitCodes.ok
  const { place, object, message, code } = first
  const what = `${placeText(place)} ${object === undefined ? '' : `${object}: `}${message} [${code}]`
  const others = more.length === 0 ? '' : `, and ${more.length} more`
  const sentence = `error: ${option} cannot be answered, since rights may stand in what was not read: ${what}${others}`
  terminal.writeError(wrapped(printable(sentence), { first: '', rest: '  ' }))
  return exitCodes.failure
}
