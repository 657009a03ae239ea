/** Composition of what issuers are asked about single tokens: introspection and TokenReview. */
import { readFile } from 'node:fs/promises'
import type { Config } from '../../config/config.ts'
import type { Inquiry } from '../identity/token/inquiry.ts'
import { createIntrospection } from '../identity/token/introspection.ts'
import { createIntrospectionCall } from '../identity/token/introspection-call.ts'
import { discoverAddress } from '../identity/token/key-source.ts'
import { createQuestions } from '../identity/token/questions.ts'
import { createTokenReview } from '../identity/token/token-review.ts'
import { createClientAuthentication } from '../login/provider/client-authentication.ts'
import { fetchText, type WayOut } from './way-out.ts'

type IssuerSettings = NonNullable<Config['machines']>['issuers'][number]

/** `wayTo`: by the authority of this file, or those that Node knows. */
export function composeInquiry(
  settings: IssuerSettings,
  wayTo: (caPath: string | undefined) => WayOut,
): { readonly inquiry?: Inquiry } {
  if (settings.introspection !== undefined) return { inquiry: composeIntrospection(settings, wayTo) }
  return settings.review === undefined ? {} : { inquiry: composeReview(settings.name, settings.review, wayTo) }
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
      const credential = (await readFile(tokenPath, 'utf8')).trim()
      const { fetch } = await way()
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
      if (response.status !== 201)
        throw new Error(`the answer of ${new URL(url).host} has the status ${response.status}`)
      return response.text()
    },
  })
}
