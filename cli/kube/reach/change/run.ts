/** `sallyport kube review --what-if`: what a change does to who can become whom, before it is made. */
import { type ReachEffect, reachEffectOf } from '../../../../rbac/reach/change/reach-effect.ts'
import type { Severity } from '../../../../rbac/reach/finding.ts'
import { isAtLeast } from '../../../../rbac/reach/report/report.ts'
import { exitCodes, type Terminal } from '../../../terminal.ts'
import { type InputChoice, readObjects } from '../input.ts'
import { jsonText } from '../json-text.ts'
import { problemsText } from '../problems-text.ts'
import { checked } from '../unanswered.ts'
import { reachDocument } from './reach-document.ts'
import { reachText, remarksText } from './reach-text.ts'
import { readChange } from './read-change.ts'

export interface ReachChoice extends InputChoice {
  readonly whatIf: readonly string[]
  readonly severity: Severity
  readonly serverVersion?: string
  readonly failOn?: Severity
}

/** @returns 1 with `--fail-on` where something opens that is that bad */
export async function runReachEffect(choice: ReachChoice, isJson: boolean, terminal: Terminal): Promise<number> {
  const { whatIf, serverVersion, severity, failOn } = choice
  const objects = await readObjects(choice, terminal)
  const change = await readChange(whatIf, terminal.cwd, objects)
  terminal.progress(() => 'reviewing what is, and what would be')
  const effect = reachEffectOf(objects, change, { ...(serverVersion !== undefined && { serverVersion }) })
  const { isNew, writtenBack } = effect
  const remarks = { isNew, writtenBack, notJudged: change.notJudged }
  if (isJson)
    terminal.write(
      jsonText({
        schema: 'sallyport.dev/kube-what-if/v1',
        ...remarks,
        reach: reachDocument(effect),
        problems: objects.problems,
      }),
    )
  else terminal.write(remarksText(remarks) + reachText(effect, severity, terminal.colors) + problemsText(objects))
  if (failOn === undefined) return exitCodes.ok
  return checked(objects, { option: '--fail-on', isBad: opensAt(effect, failOn) }, terminal)
}

export const opensAt = ({ opens }: ReachEffect, least: Severity): boolean =>
  opens.some(one => isAtLeast(one.severity, least))
