/** The edits that close every finding of a group: those of one role, held by several. */
import type { Edit, Finding } from '../finding.ts'
import { grouped, objectText } from '../moves/facts.ts'
import { unbound } from './edits.ts'

/** Threat: a binding without its first subject alone looks closed, and the others keep what they had. */
export function groupEdits(findings: readonly Finding[]): readonly Edit[] {
  const own = findings[0]?.edits ?? []
  if (findings.length === 1 || own.every(({ object }) => /^(Cluster)?Role /.test(object))) return own
  const edits = findings.flatMap(finding => finding.edits.map(edit => ({ edit, finding })))
  return [...grouped(edits, ({ edit }) => edit.object)].flatMap(([object, same]) => {
    const [first] = same
    if (first === undefined || same.every(({ edit }) => edit.patch === first.edit.patch)) return first?.edit ?? []
    const [grant, ...more] = same.flatMap(one =>
      one.finding.grants.filter(({ binding }) => objectText(binding) === object),
    )
    return grant === undefined ? [] : unbound([grant, ...more])
  })
}
