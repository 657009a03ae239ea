/** Composition of what issuers are asked about single tokens: introspection and TokenReview. */
import type { Config } from '../../config/config.ts'
import type { Inquiry } from '../identity/token/inquiry.ts'
import { createIntrospection } from '../identity/token/introspection.ts'
import { createIntrospectionCall } from '../identity/token/introspection-call.ts'
import { faultOf, IssuerFault } from '../identity/token/issuer-fault.ts'
import { discoverAddress, readCredential } from '../identity/token/key-source.ts'
import { createQuestions } from '../identity/token/questions.ts'
import { rememberRefusals } from '../identity/token/refused-tokens.ts'
import { createTokenReview } from '../identity/token/token-review.ts'
import { createClientAuthentication } from '../login/provider/client-authentication.ts'
import type { OutboundFetch } from '../login/provider/outbound.ts'
import { fetchText, type WayOut } from './way-out.ts'

type IssuerSettings = NonNullable<Config['machines']>['issuers'][number]

/** `wayTo`: by the authority of this file, or those that Node knows. */
export function composeInquiry(
  settings: IssuerSettings,
  wayTo: (caPath: string | undefined) => WayOut,
): { readonly inquiry?: Inquiry } {
  if (settings.introspection !== undefined) return { inquiry: rememberRefusals(composeIntrospection(settings, wayTo)) }
  if (settings.review === undefined) return {}
  return { inquiry: rememberRefusals(composeReview(settings.name, settings.review, wayTo)) }
}

const timeoutSeconds = 5

function composeIntrospection(settings: IssuerSettings, wayTo: (caPath: string | undefined) => WayOut): Inquiry {
  const { name, issuer, keys, introspection } = settings
  const { clientId = '', clientSecret = '', endpoint, cacheForSeconds = 0 } = introspection ?? {}
  const way = wayTo('caPath' in keys ? keys.caPath : undefined)
  return createIntrospection({
    name,
    countsForMs: cacheForSeconds * 1000,
    alsoJwts: introspection?.alsoJwts ?? false,
    clientsWithoutSubject: introspection?.clientsWithoutSub ?? false,
    questions: createQuestions({ name }),
    call: createIntrospectionCall({
      issuer,
      clientId,
      authentication: createClientAuthentication({ clientAuthentication: 'client_secret_basic', clientSecret }),
      findEndpoint: async () => endpoint ?? discoverAddress(issuer, 'introspection_endpoint', fetchText(way)),
      fetch: async () => (await way()).fetch,
      timeoutSeconds,
    }),
  })
}

type ReviewSettings = NonNullable<IssuerSettings['review']>

/** The token of this service is read anew with each question, as its file is written anew. */
function composeReview(
  name: string,
  { server, caPath, tokenPath, cacheForSeconds }: ReviewSettings,
  wayTo: (caPath: string | undefined) => WayOut,
): Inquiry {
  const way = wayTo(caPath)
  const url = `${server}/apis/authentication.k8s.io/v1/tokenreviews`
  return createTokenReview({
    name,
    countsForMs: cacheForSeconds * 1000,
    questions: createQuestions({ name }),
    post: async body => {
      const credential = await readCredential(tokenPath)
      const { fetch } = await way()
      return postReview(fetch, url, { credential, body })
    },
  })
}

interface Review {
  readonly credential: string
  readonly body: string
}

async function postReview(fetch: OutboundFetch, url: string, { credential, body }: Review): Promise<string> {
  let status: number | undefined
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: {
        Authorization: `Bearer ${credential}`,
        'Content-Type': 'application/json',
        Accept: 'application/json',
      },
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    })
    const text = await response.text()
    status = response.status
    if (status === 201) return text
  } catch (error) {
    throw faultOf(error)
  }
  throw new IssuerFault(status)
}
