/** What a line of requests.md says of a call. */
import { questionsOf } from '../../rbac/kubernetes/questions.ts'
import { type RawKubernetesCall, readKubernetesRequest } from '../../rbac/kubernetes/request.ts'

/** @param header `Name: value`, or empty. Answers the last three cells: verb, what the policy is asked, what is sent on. */
export function answerTo(call: string, header: string): readonly [string, string, string] {
  const raw = rawCall(call, header)
  const request = readKubernetesRequest(raw)
  if (request.kind === 'refused') return ['refused', request.reason, '']
  const questions = questionsOf(request).map(({ action, resource, need }) => {
    const text = `${action} ${resource}`
    return need === 'allow' ? text : `no deny of ${text}`
  })
  const sent = request.target === raw.target ? 'as it came' : request.target
  return [request.verb, questions.join(' and '), sent]
}

export function rawCall(call: string, header: string): RawKubernetesCall {
  const [method = '', target = ''] = call.split(' ')
  const [name = '', value = ''] = header.split(': ')
  const lines = value.split(', ')
  const isProtocol = header.startsWith(':protocol: ')
  return {
    method,
    target,
    ...(isProtocol ? { protocol: header.slice(':protocol: '.length) } : {}),
    ...(name === 'Upgrade' ? { upgrades: lines } : {}),
    ...(name === 'Content-Type' ? { contentTypes: lines } : {}),
  }
}
