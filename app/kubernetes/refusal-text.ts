/** What somebody reads who may not do something in a cluster. kubectl prints it as it is. */
import { challengeReasons, type Decision, denyReasons } from '../../rbac/decision.ts'
import type { Identity } from '../../rbac/identity.ts'
import type { KubernetesQuestion } from '../../rbac/kubernetes/questions.ts'

/** Whom kubectl asks for, in the words of kubectl: `create pods/exec web-0 in payments`. */
export function describeQuestion({ action, resource }: KubernetesQuestion): string {
  if (action === 'impersonate') return describeName(resource)
  const nonResource = /^\/nonResourceURLs(\/.*)$/.exec(resource)
  if (nonResource !== null) return `${action} ${nonResource[1]}`
  const [, namespace = '-', group = 'core', kind = '', name, subresource] = resource.split('/').map(decodeURIComponent)
  const what = `${kind}${group === 'core' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`
  return [action, what, ...(name === undefined ? [] : [name]), ...(namespace === '-' ? [] : [`in ${namespace}`])].join(
    ' ',
  )
}

/** A name to be judged as (`impersonationQuestions`), in which what would cut a segment is escaped once more. */
function describeName(resource: string): string {
  const [, , , kind = '', name = '', key] = resource
    .split('/')
    .map(part => decodeURIComponent(decodeURIComponent(part)))
  return `impersonate ${kind}${key === undefined ? '' : ` ${key}`} ${name}`
}

/** The sentence of a decision that lets nobody pass. @param as the name that the person asked to be judged as, and was */
export function describeRefusal(
  identity: Identity,
  question: KubernetesQuestion,
  decision: Decision,
  as?: string,
): string {
  const who =
    identity.kind === 'anonymous' ? 'nobody' : (identity.kind === 'user' && identity.email) || identity.subject
  const whom = as === undefined ? who : `${who}, as ${as},`
  return `${whom} may not ${describeQuestion(question)}: ${becauseOf(decision, identity.kind === 'machine')}`
}

function becauseOf(decision: Decision, isMachine: boolean): string {
  const row = decision.rule === undefined ? '' : `row ${decision.rule}`
  switch (decision.effect) {
    case 'allow':
      return `${row} allows it`
    case 'challenge':
      return [row, isMachine ? forPeople : (advice[decision.reason] ?? challengeReasons[decision.reason])]
        .filter(part => part !== '')
        .join('; ')
    case 'deny':
      return [row, denyReasons[decision.reason]].filter(part => part !== '').join('; ')
  }
}

/** A workload has no login that could be newer or better. */
const forPeople = 'it asks for a login of a person, which a workload does not have'
const loginAgain = 'log out and in again in the browser, then run: sallyport kube login'
const advice: Readonly<Partial<Record<string, string>>> = {
  'authentication-too-old': `would be allowed after a fresh login; ${loginAgain}`,
  'authentication-method-missing': `would be allowed after a login with a stronger method; ${loginAgain}`,
}
