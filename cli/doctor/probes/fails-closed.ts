/**
 * While nobody can say who may pass, nobody passes.
 *
 * Threat: a proxy that lets every request through when its check does not answer. With the service running it looks like
 * any other, so this probe is for a service that its operator has stopped.
 */
import { ask, browserHead, describeStatus, head, isOfService, isServed, type Outcome, type Probe } from './probe.ts'

export const failsClosed: Probe = {
  name: 'fails-closed',
  title: 'while the service is stopped nobody passes',
  docs: 'docs/doctor.md#fails-closed',
  run: async target => {
    const answers = [
      await ask(target, head(target)),
      await ask(target, browserHead(target)),
      await ask(target, head(target, 'POST'), ['Content-Length: 0']),
    ]
    const served = answers.find(({ status }) => isServed(status))
    if (served !== undefined) return failed(served.status)
    const running = answers.find(answer => isOfService(answer, target))
    if (running !== undefined)
      return {
        status: 'not-applicable',
        why: `the answer is ${running.status}, and the service's: stop it, and its replicas, and ask again`,
      }
    const past = answers.find(({ status }) => !isRefusal(status))
    if (past !== undefined) return failed(past.status)
    const said = [...new Set(answers.map(({ status }) => describeStatus(status)))]
    return { status: 'pass', why: `the proxy answers ${said.join(' and ')}` }
  },
}

/** What a proxy says by itself; an application that was reached says the rest: a page, a redirect, a login of its own. */
const isRefusal = (status: number): boolean => status === 0 || status >= 500 || status === 403

const failed = (status: number): Outcome => ({
  status: 'fail',
  why: `the application answers (${status}), though nobody can say who may ask it`,
  fix: 'let the proxy refuse whatever it has no answer about (HAProxy: the line `http-request deny … unless unchecked or …` behind the script; Envoy: `failure_mode_allow: false`); `sallyport proxy-config` prints it. A page that is not to be checked at all is not meant here',
})
