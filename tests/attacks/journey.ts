/** A browser that follows every redirect between application, auth host and provider, as real ones do: without asking. */
import { type Answer, cookiePair, header, navigation, TestBrowser, type TestService } from '../service.ts'
import type { fronts } from './world.ts'

/** Far more than any login takes, and what a real browser puts up with. */
const mostSteps = 40

export interface Arrival {
  readonly url: string
  readonly status: number
  readonly body: string
}

export interface JourneyOptions {
  readonly front: (typeof fronts)[number]
  /** What the provider does with an authorization request: the callback URL that it redirects to. */
  readonly answerOf: (authorizationUrl: string) => string | Promise<string>
}

export class Journey {
  readonly browser = new TestBrowser()
  /** Authorization requests that the provider got, in order. */
  readonly asked: URL[] = []
  /** The application host's cookie. */
  cookie: string | undefined
  private readonly world: TestService
  private readonly options: JourneyOptions

  constructor(world: TestService, options: JourneyOptions) {
    this.world = world
    this.options = options
  }

  /** Where it ends: with an answer that redirects nowhere. Throws when it never does. */
  async goTo(start: string): Promise<Arrival> {
    let url = start
    for (let step = 0; step < mostSteps; step += 1) {
      const answer = await this.step(url)
      if (answer.location === undefined) return { url, status: answer.status, body: answer.body }
      url = new URL(answer.location, url).href
    }
    throw new Error(`still redirected after ${mostSteps} steps, last to ${url}`)
  }

  private async step(url: string): Promise<{ status: number; body: string; location: string | undefined }> {
    if (url.startsWith('http://idp.localhost')) {
      this.asked.push(new URL(url))
      return { status: 302, body: '', location: await this.options.answerOf(url) }
    }
    if (url.startsWith(this.world.publicUrl)) {
      const response = await this.browser.request(url)
      return {
        status: response.status,
        body: await response.text(),
        location: response.headers.get('location') ?? undefined,
      }
    }
    const isReserved = new URL(url).pathname.startsWith('/.sallyport/')
    const answer = await this.ask(isReserved ? 'forward-auth' : this.options.front, url)
    return { status: answer.status, body: answer.body, location: header(answer, 'location') }
  }

  private async ask(front: (typeof fronts)[number], url: string): Promise<Answer> {
    const cookie = this.cookie === undefined ? {} : { cookie: this.cookie }
    const answer = await this.world.ask(front, { url, headers: navigation, ...cookie })
    if (answer.headers.has('set-cookie')) this.cookie = cookiePair(answer)
    return answer
  }
}
