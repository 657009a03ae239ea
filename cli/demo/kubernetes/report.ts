/** What the demo with Kubernetes prints: what to try, and how to get what it needs. */
import colors from 'picocolors'
import { programCache } from '../cluster/programs.ts'
import { describeGroups, people } from '../people.ts'
import { callText, type JoinedCall } from './joined-logs.ts'
import type { KubernetesStack } from './stack.ts'

const defaultAdmin = 'http://127.0.0.1:9181'

export function printStory({ origin, issuer, code, adminUrl, places }: KubernetesStack): void {
  const row = (command: string, text: string): string =>
    `  ${colors.cyan(command)}${' '.repeat(Math.max(1, 32 - command.length))}${colors.dim(text)}`
  const source = `  ${colors.cyan(`source ${places.environment}`)}`
  const admin = adminUrl === defaultAdmin ? '' : `--admin ${adminUrl} `
  console.log(`
${colors.bold('A Kubernetes cluster is running, and Sallyport stands in front of it')}

${colors.bold('In another terminal')}
${source}
${row('sallyport kube login', 'in your browser: enter the code, choose Alice, allow kubectl')}
${row('kubectl get pods', 'allowed')}
${row('kubectl delete pod web', 'refused, and the answer names the row of the policy')}
${row('kubectl exec -it web -- sh', 'a shell; leave it open')}

${colors.bold('In a third one, while the shell is open')}
${source}
  ${colors.cyan(`sallyport sessions end ${admin}--subject '${issuer}#alice'`)}
${row('', 'the shell is cut and says why; so does the next kubectl')}
${row('both-logs', 'each call, as Sallyport and as the cluster wrote it')}

${colors.bold('Code for the login page')}  ${colors.bold(colors.cyan(code))}
${colors.dim('It keeps others out: there are no containers here, and a shell in a pod is a shell on this machine, as you.')}

${colors.bold('People')} ${colors.dim(`(to be another one, log out at ${origin}/ and log kubectl in again)`)}
${people.map(person => `  ${person.name.padEnd(14)}${describeGroups(person).padEnd(14)}${may[person.id] ?? ''}`).join('\n')}

${colors.bold('Files')}
  rules       deploy/demo/kubernetes/policy.csv: edit one, and the next call is judged by it
  audit logs  ${places.auditLog}
              ${places.clusterAuditLog}
              ${colors.dim('what is requestId in the first is auditID in the second')}

${colors.dim('Press Ctrl-C to end everything; nothing is left behind.')}
`)
}

const may: Readonly<Record<string, string>> = {
  alice: 'sees pods, their logs, and opens shells; deletes nothing',
  bob: 'sees pods, and opens no shell',
  carol: 'sees nothing',
}

/** The calls that were cut or refused, and one that passed: the rest is more of the same. */
export function printJoined(calls: readonly JoinedCall[]): void {
  const passed = calls.find(({ decision }) => decision.event === 'access.allowed')
  const refused = calls.find(({ decision }) => decision.event === 'access.denied')
  const cut = calls.find(({ end }) => end?.ending === 'cut')
  const shown = [passed, refused, cut].filter(call => call !== undefined)
  console.log(`\n${shown.map(call => callText(call).replaceAll(/^/gm, '    ')).join('\n')}`)
}

/** @param absent paths, or names of programs of the system */
export function printAbsent(absent: readonly string[], hasSources: boolean): void {
  const ofSystem = absent.filter(path => !path.includes('/'))
  console.error(`${colors.red('The demo with Kubernetes needs programs that are not there:')}

${absent.map(path => `  ${path}`).join('\n')}
`)
  if (ofSystem.length > 0) console.error(`Install ${ofSystem.join(', ')} with the packages of your system.`)
  if (ofSystem.length < absent.length) console.error(hasSources ? howToBuild : noSources)
}

const noSources = 'The rest is built from the sources of Sallyport, and here are none: run it from a checkout.'
const howToBuild = `One command builds and fetches them into ${programCache}, once:

  ${colors.cyan('tests/kubernetes/install --demo')}

It needs Go 1.26 or newer, Python with pip, and 5 GB of disk while it runs; it takes about ten minutes on two cores.`
