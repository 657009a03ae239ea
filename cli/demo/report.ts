/** What the demo prints: who may open what, progress, and the table of the check. */
import colors from 'picocolors'
import type { CheckResult } from './chapters.ts'
import { describeGroups, people } from './people.ts'
import type { StackError } from './stack.ts'

export function printAddresses(origin: (name: string) => string, proxy: string): void {
  const row = (address: string, text: string): string =>
    `  ${colors.cyan(colors.underline(address))}${' '.repeat(Math.max(1, 40 - address.length))}${text}`
  console.log(`
${colors.bold('Sallyport is guarding two applications')} ${colors.dim(`behind ${proxy}`)}

${row(`${origin('wiki')}/`, 'everyone who is logged in')}
${row(`${origin('wiki')}/public/welcome`, 'everyone')}
${row(`${origin('payroll')}/`, 'group ops only; contractors never')}
${row(`${origin('auth')}/`, 'who am I, log out')}

${colors.bold('People')} ${colors.dim('(one click, no password)')}
${people.map(person => `  ${person.name.padEnd(14)}${describeGroups(person)}`).join('\n')}

${colors.bold('Who may open what')}
  ${''.padEnd(14)}${'wiki'.padEnd(10)}payroll
  ${'Alice'.padEnd(14)}${mark(true)}${mark(true)}
  ${'Bob'.padEnd(14)}${mark(true)}${mark(false)}
  ${'Carol'.padEnd(14)}${mark(true)}${mark(false)}

The rules are in ${colors.cyan('deploy/demo/policy/')}; edit one and reload the page.
${colors.dim('Press Ctrl-C to end everything.')}
`)
}

function mark(may: boolean): string {
  return may ? colors.green('yes'.padEnd(10)) : colors.red('no'.padEnd(10))
}

export function printResult(result: CheckResult, previous: CheckResult | undefined): void {
  if (result.chapter !== previous?.chapter) console.log(`\n${colors.bold(result.chapter)}`)
  console.log(`  ${result.passed ? colors.green('✓') : colors.red('✗')} ${result.sentence}`)
  if (result.detail !== undefined) console.log(`    ${colors.red(result.detail)}`)
}

/** The closing line is plain and last, for programs that read only that. */
export function printTotal(results: readonly CheckResult[]): void {
  const failed = results.filter(result => !result.passed).length
  console.log(`\n${results.length - failed} passed, ${failed} failed`)
}

export function printStackError(error: StackError): void {
  console.error(`\n${colors.red(error.message)}`)
  if (error.log !== '') console.error(`${colors.dim('It said:')}\n${error.log.replaceAll(/^/gm, '  ')}`)
}
