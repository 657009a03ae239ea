/** What narrows an answer, and fails a check: the same options, in the same words, for every command that reviews a cluster. */
import { InvalidArgumentError, Option } from 'commander'
import { type Severity, severities } from '../../../rbac/reach/finding.ts'

export const levels: readonly Severity[] = [...severities].reverse()

/** Said in the help of each of these commands. */
export const filterHelp = `
--subject and --namespace narrow what is shown and what --fail-on counts, in every output. --severity narrows the text alone: what is
less bad is counted there, and --fail-on counts it as well. who-can and what-can answer with rights, which have no severity and are not
accepted: --severity, --suppress and --fail-on are those of review, --severity and --fail-on those of inventory too.`

/** @param least in full, if nobody says which */
export const severityOption = (least: Severity): Option =>
  new Option('--severity <level>', 'the least that is shown in full').choices(levels).default(least)

export const subjectOption = (): Option =>
  new Option('--subject <name>', 'of one: payments/deployer, user:alice, group:ops')

/** @param flags whether one is taken, or several */
export const namespaceOption = (flags: '<name>' | '<name...>'): Option =>
  new Option(`-n, --namespace ${flags}`, 'what holds in a namespace, or reaches into it')

export const serverVersionOption = (): Option =>
  new Option(
    '--server-version <version>',
    'of the API server, such as 1.34: before 1.35 get opens streams. Default: what a live cluster says',
  ).argParser(readServerVersion)

export const failOnOption = (): Option =>
  new Option(
    '--fail-on <level>',
    'end with 1 where a finding is that bad, or rights may stand in what was not read',
  ).choices(levels)

export const jsonOption = (): Option => new Option('--json', 'print one JSON document')

function readServerVersion(text: string): string {
  if (!/^v?\d{1,3}\.\d{1,4}(?:[.+-]|$)/.test(text)) throw new InvalidArgumentError('Expected a version, such as 1.34.')
  return text
}

/** What a review is told of the server, where somebody said which it is. */
export const versionOf = ({ serverVersion }: { readonly serverVersion?: string }) =>
  serverVersion === undefined ? {} : { serverVersion }
