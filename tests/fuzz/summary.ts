/** What a run found, for people or for a program. */
import type { FindingReport, Summary } from './fuzz-proxy.ts'

export function printSummary(summary: Summary, isJson: boolean): void {
  process.stdout.write(isJson ? `${JSON.stringify(plainOf(summary))}\n` : textOf(summary))
}

const plainOf = ({ counts, ...rest }: Summary) => ({
  ...rest,
  counts: { ...counts, statuses: Object.fromEntries(counts.statuses) },
})

export function textOf({ proxy, seed, cases, seconds, counts, judged, findings }: Summary): string {
  const statuses = [...counts.statuses]
    .sort(([one], [other]) => one - other)
    .map(([status, times]) => `${status}: ${times}`)
  return [
    '',
    `${proxy}, seed ${seed}: ${cases} cases, ${counts.requests} requests in ${seconds.toFixed(1)} s (${Math.round(counts.requests / seconds)}/s)`,
    `  judged: ${judged.allowed} allowed, ${judged.challenged} challenged, ${judged.denied} denied; ${counts.arrived} arrived`,
    `  answers: ${statuses.join(', ')}; closed without one: ${counts.unanswered}; left waiting: ${counts.silent}`,
    `  findings: ${findings.length === 0 ? 'none' : findings.reduce((sum, { times }) => sum + times, 0)}`,
    ...findings.flatMap(finding => linesOf(finding, proxy, seed)),
    '',
  ].join('\n')
}

function linesOf(finding: FindingReport, proxy: string, seed: number): string[] {
  const again = `npm run fuzz -- ${proxy} --seed ${seed} --case ${finding.case}`
  const alone = finding.isAlone ? '' : `; only behind cases ${finding.before.join(', ') || 'of other connections'}`
  return [
    '',
    `  ${finding.kind} (${finding.times} times): ${finding.detail.slice(0, 500)}`,
    `    again: ${again}${alone}`,
    `    smallest:  ${shown(finding.smallest)}`,
    `    sent:      ${shown(finding.sent)}`,
    `    arrived:   ${shown(finding.arrivedHead)}`,
  ]
}

/** Assertions, cookies and fillers are long and say nothing here. */
const shown = (bytes: string): string => JSON.stringify(bytes.replaceAll(/[\w.-]{60,}/g, '…').slice(0, 900))
