/** Traefik: the Middlewares. Pure. */
import { droppedForwarded, namesOfOthers } from './checked-headers.ts'
import type { ClusterQuestion } from './cluster-question.ts'
import { fullName } from './common-objects.ts'
import { Lines, manifest, scalar } from './manifest.ts'

const emptied = (names: readonly string[]): Lines =>
  new Lines([...new Set(names)].sort().map(name => `${scalar(name)}: ""`))

/** What a client sends under names that are not a client's. */
export const dropOf = (question: ClusterQuestion, namespace: string): Lines => manifest`
# An empty value removes the header. Other forms of the same names (Remote_User) are dropped by the flags.
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata:
  name: sallyport-drop
  namespace: ${namespace}
spec:
  headers:
    customRequestHeaders:
      ${emptied([
        ...question.identityHeaders,
        ...(question.clientCertificateHeader === undefined ? [] : [question.clientCertificateHeader]),
        ...ownNames,
        // A balancer passes these on as the client sent them. Where it is trusted they would be what is judged.
        ...droppedForwarded,
        ...namesOfOthers,
      ])}`

const ownNames = [
  'forwarded',
  'http2-settings',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-url',
  'x-sallyport-cookie',
  'x-sallyport-request-id',
  'x-sallyport-reason',
  'x-sallyport-bearer',
  'x-sallyport-redirect',
]

/** @param given names of what the application gets */
export function checkOf(
  { sallyport, balancers }: ClusterQuestion,
  namespace: string,
  given: readonly string[],
  name = 'sallyport-check',
): Lines {
  return manifest`
# No answer is no pass: 500, always.
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  forwardAuth:
    address: ${`http://${fullName(sallyport)}:${sallyport.port}/verify/forward-auth`}
    ${trustOf(balancers)}
    # Each one takes the place of what a client sent, or removes it. Cookie is the client's header without Sallyport's own.
    # No authRequestHeaders: Sallyport gets every header. A deny by one that is not sent would not apply.
    authResponseHeaders:
      ${given}
    # An answer to a check is small; a larger one is an error, and an error is not a pass.
    maxResponseBodySize: 65536
    # A check needs no body, and uploads would be held back for it.
    forwardBody: false`
}

const trustOf = (balancers: readonly string[]): Lines =>
  balancers.length === 0
    ? manifest`
# Method, host, path, address and scheme are what Traefik itself saw.
trustForwardHeader: false`
    : manifest`
# Address and scheme are those that the balancer names, which the entry point trusts (traefik-values.yaml).
trustForwardHeader: true`

/** Behind the check: tokens and passwords that were for Sallyport. */
export const withholdOf = (names: readonly string[], namespace: string, name: string): Lines => manifest`
# Tokens and passwords of this host are for Sallyport, and kept from the application.
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  headers:
    customRequestHeaders:
      ${emptied(names)}`

export const refuseOf = (namespace: string): Lines => manifest`
# Nobody has this address, so everybody is refused.
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata:
  name: sallyport-refuse
  namespace: ${namespace}
spec:
  ipAllowList:
    sourceRange: [255.255.255.255/32]
    rejectStatusCode: 400`
