/** What was found out, for people and for programs. */
import type { Terminal } from '../terminal.ts'
import { describeStatus, type Outcome } from './probes/probe.ts'

export interface Finding extends Outcome {
  readonly probe: string
  readonly title: string
  readonly docs: string
}

export interface Examined {
  readonly url: string
  /** What a stranger gets who simply asks. */
  readonly usual: number
  readonly findings: readonly Finding[]
}

export interface Report {
  /** Absent where none was looked at. */
  readonly configuration?: { readonly url: string; readonly findings: readonly Finding[] }
  readonly addresses: readonly Examined[]
}

export const isWell = ({ configuration, addresses }: Report): boolean =>
  [...(configuration === undefined ? [] : [configuration]), ...addresses].every(({ findings }) =>
    findings.every(({ status }) => status !== 'fail'),
  )

export function reportText({ configuration, addresses }: Report, { colors }: Terminal): string {
  const own =
    configuration === undefined
      ? []
      : [`the configuration of ${configuration.url}`, ...configuration.findings.flatMap(one => linesOf(one, colors))]
  const others = addresses.flatMap(({ url, usual, findings }) => [
    `${url} (a stranger gets ${describeStatus(usual)})`,
    ...findings.flatMap(one => linesOf(one, colors)),
  ])
  return `${[...own, ...others].join('\n')}\n`
}

function linesOf({ status, title, why, fix, docs }: Finding, colors: Terminal['colors']): readonly string[] {
  const labels = {
    pass: colors.green('pass'),
    fail: colors.red('FAIL'),
    'not-applicable': colors.yellow('n/a '),
  } as const
  return [
    `  ${labels[status]}  ${title}`,
    `        ${why}`,
    ...(fix === undefined ? [] : [`        to do: ${fix}`, `        see ${docs}`]),
  ]
}
