/** What was not read, for whoever reads the answer: part of every output, so that nobody takes it for the whole. */
import type { ClusterObjects, Place, ReadingProblem } from '../../../rbac/reach/objects.ts'
import { printable } from '../../../spelling/printable.ts'
import { wrapped } from './wrapped.ts'

const mostShown = 20

export const placeText = ({ source, line }: Place): string => (line === undefined ? source : `${source}:${line}`)

/** Empty where everything was read. */
export function problemsText({ problems, objectsSeen }: ClusterObjects): string {
  if (problems.length === 0) return ''
  const unread = problems.reduce((sum, one) => sum + (one.unread ?? 0), 0)
  const head = `Not read, or not as it stands: ${unread} of ${objectsSeen} objects, ${problems.length} ${problems.length === 1 ? 'remark' : 'remarks'}\n`
  const shown = problems.slice(0, mostShown).map(problemText)
  const more =
    problems.length > mostShown ? [`  and ${problems.length - mostShown} more: --json has all of them\n`] : []
  return [head, ...shown, ...more].join('')
}

function problemText({ code, place, object, message }: ReadingProblem): string {
  const what = object === undefined ? '' : `${object}: `
  return wrapped(printable(`${placeText(place)} ${what}${message} [${code}]`), { first: '  ', rest: '      ' })
}
