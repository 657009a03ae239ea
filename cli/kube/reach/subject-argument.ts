/** Whom a command is about, as people write it. */
import { InvalidArgumentError } from 'commander'
import { accountSubject, type Subject, subjectOf, userSubject } from '../../../rbac/reach/subject.ts'

/** @param text `payments/deployer`, `system:serviceaccount:payments:deployer`, `user:alice`, `group:ops`. Throws what the command line is told. */
export function readSubject(text: string): Subject {
  const account = /^(?:sa:|serviceaccount:|service-account:)?([^:/\s]+)\/([^:/\s]+)$/.exec(text)
  if (account !== null) return accountSubject(account[1] ?? '', account[2] ?? '')
  if (text.startsWith('user:') && text.length > 5) return userSubject(text.slice(5))
  if (text.startsWith('group:')) return subjectOf(text)
  if (text.startsWith('system:serviceaccount:')) {
    const subject = userSubject(text)
    if (subject.kind === 'service-account') return subject
  }
  throw new InvalidArgumentError('A service account is <namespace>/<name>, a user user:<name>, a group group:<name>.')
}
