/** What an import could not carry over, with its place: the result is always narrower than the original, never wider. */

export interface Finding {
  /** Counted from 1. */
  readonly line: number
  /**
   * `left-out`: a permission is missing; `narrower`: it holds for fewer requests; `check`: a person has to look;
   * `passed-over`: it changes no permission.
   */
  readonly kind: 'left-out' | 'narrower' | 'check' | 'passed-over'
  readonly what: string
  readonly why: string
  /** What a person can do about it. */
  readonly advice: string
}

export interface Report {
  readonly leftOut: (line: number, what: string, why: string, advice: string) => void
  readonly narrower: (line: number, what: string, why: string, advice: string) => void
  readonly passedOver: (line: number, what: string, why: string, advice: string) => void
  readonly check: (line: number, what: string, why: string, advice: string) => void
  /** In order of the lines, each once. */
  readonly findings: () => readonly Finding[]
}

/** @param restore what a text of the file is shown as */
export function createReport(restore: (text: string) => string = text => text): Report {
  const found = new Map<string, Finding>()
  const add =
    (kind: Finding['kind']) =>
    (line: number, what: string, why: string, advice: string): void => {
      const finding = { line, kind, what: restore(what), why: restore(why), advice }
      found.set(JSON.stringify(finding), finding)
    }
  return {
    leftOut: add('left-out'),
    narrower: add('narrower'),
    check: add('check'),
    passedOver: add('passed-over'),
    findings: () => [...found.values()].sort((left, right) => left.line - right.line),
  }
}

const titles: Readonly<Record<Finding['kind'], string>> = {
  'left-out': 'left out',
  narrower: 'narrower',
  check: 'look at',
  'passed-over': 'passed over',
}

/** One paragraph for each finding, each starting with `file:line`. */
export function formatFindings(file: string, findings: readonly Finding[]): string {
  return findings
    .map(
      ({ line, kind, what, why, advice }) => `${file}:${line}  ${titles[kind]}: ${what}\n    ${why}\n    ${advice}\n`,
    )
    .join('')
}

/** Of a part of the file that is left out because of it. */
export function reportTemplate(line: number, template: string, report: Report): void {
  report.leftOut(
    line,
    `what depends on ${template}`,
    'this template has no value here',
    'Give it one with --set NAME=VALUE where it is no more than a name; else render the file first.',
  )
}
