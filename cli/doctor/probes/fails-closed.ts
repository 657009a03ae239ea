/**
 * While nobody can say who may pass, nobody passes.
 *
 * Threat: a proxy that lets every request through when its check does not answer. With the service running it looks like
 * any other, so this probe is for a service that its operator has stopped.
 */
import { ask, browserHead, describeStatus, head, isServed, type Outcome, type Probe } from './probe.ts'

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
    const [first] = answers
    if (first !== undefined && (first.status === 0 || first.status >= 500))
      return { status: 'pass', why: `the proxy answers ${describeStatus(first.status)}` }
    return {
      status: 'not-applicable',
      why: `the answer is ${describeStatus(first?.status ?? 0)}, as of a service that runs: stop it, and its replicas, and ask again`,
    }
  },
}

const failed = (status: number): Outcome => ({
  status: 'fail',
  why: `the page is served (${status}), though nobody can say who may open it`,
  fix: 'let the proxy refuse whatever it has no answer about (HAProxy: the line `http-request deny … unless unchecked or …` behind the script; Envoy: `failure_mode_allow: false`); `sallyport proxy-config` prints it. A page that is not to be checked at all is not meant here',
})
