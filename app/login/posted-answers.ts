/**
 * Answers that providers have posted, between the post and the browser's own request for the callback: a minute, once.
 *
 * Threat: any page on the web can have a browser post here, and any program can. So what one client, its network and all
 * together can keep is bounded, and an answer is only found by whoever was told its name, at the callback of the provider
 * that it was posted to.
 */
import type { ClientNetworks } from '../client-networks.ts'
import type { BoundedStore } from '../sessions/records/bounded-records.ts'
import { isToken, randomToken } from './attempts.ts'

export interface PostedAnswer {
  /** To whose callback it was posted. */
  readonly provider: string
  /** As it came, which is as in a query. */
  readonly form: string
}

export interface PostedAnswers {
  /** Whether this provider answers by posts, and in no other way. */
  isPostedBy(provider: string): boolean
  /** Returns the name. Rejects with `ERR_STORE_UNAVAILABLE`. */
  keep(answer: PostedAnswer, client: ClientNetworks): Promise<string>
  /** The form; `undefined` when it was taken, has expired, or is another provider's. */
  take(name: unknown, provider: string): Promise<string | undefined>
}

export interface PostedAnswersOptions {
  readonly store: Pick<BoundedStore<PostedAnswer>, 'put' | 'take'>
  /** Names of the providers whose `responseMode` is `form_post`. */
  readonly providers: ReadonlySet<string>
}

const keptSeconds = 60

export function createPostedAnswers({ store, providers }: PostedAnswersOptions): PostedAnswers {
  return {
    isPostedBy: provider => providers.has(provider),
    keep: async (answer, client) => {
      const name = randomToken()
      await store.put(name, answer, keptSeconds, client)
      return name
    },
    take: async (name, provider) => {
      const answer = isToken(name) ? await store.take(name) : undefined
      return answer?.provider === provider ? answer.form : undefined
    },
  }
}
