/** What tokens and certificates have in common when they were looked at: a verdict, its reasons, whom it stands for. */
import type { Identity } from '../../rbac/identity.ts'
import { namesOf } from '../../rbac/subjects.ts'
import { printable } from '../../spelling/printable.ts'
import { formatExplanation } from '../policy/asking/explain-text.ts'
import type { Terminal } from '../terminal.ts'
import type { Found, Verdict } from './inspection.ts'

export const fieldLine = (name: string, text: string): string => `  ${name.padEnd(9)} ${printable(text)}\n`

interface Shown {
  readonly kind: 'token' | 'certificate'
  readonly lines: readonly string[]
}

export function foundText(found: Found, { kind, lines }: Shown, terminal: Terminal): string {
  const { colors } = terminal
  const { verdict, reasons, identity, policy } = found
  const paint = { accepted: colors.green, refused: colors.red, unknown: colors.yellow }[verdict]
  return [
    `${paint(verdict)}  ${verdicts[verdict]}\n`,
    ...reasons.map(({ message }) => `  - ${printable(message)}\n`),
    '\n',
    ...lines,
    identity === undefined ? '' : fieldLine('stands for', namesInRows(identity).join(', ')),
    policy === undefined ? '' : `\n${policyTitle(found, kind)}${formatExplanation(policy, terminal, false)}`,
  ].join('')
}

const verdicts: Readonly<Record<Verdict, string>> = {
  accepted: 'It counts.',
  refused: 'It lets nobody in, because:',
  unknown: 'Nothing is wrong with it that can be seen from here, but:',
}

/** The names by which rows may speak of them. */
export const namesInRows = (identity: Identity): readonly string[] =>
  namesOf(identity).filter(name => name.includes(':') && !name.startsWith('~'))

const policyTitle = ({ verdict }: Found, kind: string): string =>
  verdict === 'accepted' ? '' : `The policy is not asked for such a ${kind}. If it counted:\n`

export const secondsText = (left: number): string =>
  left > 0 ? `for ${spanText(left)} more` : `no more, since ${spanText(-left)}`

export function spanText(seconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ]
  const [size, name] = units.find(([size]) => Math.abs(seconds) >= size * 2) ?? [1, 's']
  return `${Math.floor(seconds / size)} ${name}`
}
