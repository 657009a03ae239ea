/** Results of policy tests for programs: TAP version 14 (testanything.org) and the JUnit XML that CI servers read. */
import type { PolicyTestResult } from '../../rbac/testing/policy-test-run.ts'

export function tapReport(results: readonly PolicyTestResult[]): string {
  const lines = results.flatMap((result, index) => {
    const { failures, file, line, name } = result
    // A `#` would start a directive such as `# SKIP`.
    const title = oneLine(`${index + 1} - ${file}:${line} ${name}`)
      .replaceAll('\\', '\\\\')
      .replaceAll('#', '\\#')
    return failures.length === 0 ? [`ok ${title}`] : [`not ok ${title}`, ...diagnosis(result)]
  })
  return `${['TAP version 14', `1..${results.length}`, ...lines].join('\n')}\n`
}

/** A YAML block; JSON strings are YAML. */
function diagnosis({ failures, file, line, request, row, decision }: PolicyTestResult): string[] {
  const rule = row === undefined ? 'none' : `${decision.rule}: ${row}`
  const fields = { message: failures.join('; '), at: `${file}:${line}`, request, decidedBy: rule }
  return ['  ---', ...Object.entries(fields).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`), '  ...']
}

export function junitReport(results: readonly PolicyTestResult[]): string {
  const files = [...new Set(results.map(({ file }) => file))]
  const suites = files.flatMap(file =>
    suite(
      file,
      results.filter(result => result.file === file),
    ),
  )
  return `${['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites ${counts(results)}>`, ...suites, '</testsuites>'].join('\n')}\n`
}

const counts = (results: readonly PolicyTestResult[]): string =>
  `tests="${results.length}" failures="${results.filter(({ failures }) => failures.length > 0).length}"`

const suite = (file: string, results: readonly PolicyTestResult[]): string[] => [
  `  <testsuite name="${xml(file)}" ${counts(results)}>`,
  ...results.flatMap(testcase),
  '  </testsuite>',
]

function testcase({ name, file, line, failures, request, row, decision }: PolicyTestResult): string[] {
  const start = `    <testcase name="${xml(name)}" classname="${xml(file)}" file="${xml(file)}" line="${line}"`
  if (failures.length === 0) return [`${start}/>`]
  const decided = row === undefined ? 'no row decided' : `decided by ${decision.rule}: ${row}`
  const text = xml(`${file}:${line}\n${request}\n${failures.join('\n')}\n${decided}`)
  return [`${start}>`, `      <failure message="${xml(failures.join('; '))}">${text}</failure>`, '    </testcase>']
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** What XML 1.0 cannot hold at all (section 2.2) becomes U+FFFD. */
const xml = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replace(/[&<>"]/g, character => entities[character] ?? '')

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ')
