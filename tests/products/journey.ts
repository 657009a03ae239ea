/** A person's way from an application over the service to the product and back, with two browsers' worth of cookies. */
import { leadsTo, type Person } from '../provider.ts'
import { type Answer, cookiePair, header, navigation, TestBrowser, type TestService } from '../service.ts'
import { FormVisitor } from './form-visitor.ts'
import type { RunningProduct } from './product.ts'

const wiki = 'http://wiki.localhost'

export class Journey {
  readonly visitor: FormVisitor
  private readonly browser = new TestBrowser()

  private readonly world: TestService
  private readonly product: RunningProduct

  constructor(world: TestService, product: RunningProduct) {
    this.world = world
    this.product = product
    this.visitor = new FormVisitor(product.origins)
  }

  ask(path: string, cookie = ''): Promise<Answer> {
    return this.world.ask('forward-auth', { url: `${wiki}${path}`, cookie, headers: navigation })
  }

  /** From the challenge at the wiki over the product's forms to the wiki's own cookie, and where that leads. */
  async logIn(person: Person, path = '/'): Promise<{ readonly cookie: string; readonly leadsTo: string }> {
    const { pending, atProduct } = await this.challenge(path)
    const callback = await this.visitor.visit(atProduct, this.product.answersOf(person))
    const handoff = await this.follow(callback)
    const taken = await this.world.ask('forward-auth', { url: handoff, cookie: pending, headers: navigation })
    return { cookie: cookiePair(taken), leadsTo: header(taken, 'location') ?? '' }
  }

  /** Up to the product's first page. */
  async challenge(path = '/'): Promise<{ readonly pending: string; readonly atProduct: string }> {
    const challenged = await this.ask(path)
    return { pending: cookiePair(challenged), atProduct: await this.follow(header(challenged, 'location') ?? '') }
  }

  /** Logs out here. @returns where the page leads: to the product, or to our own last page */
  async logOut(): Promise<string> {
    const address = `${this.world.publicUrl}/logout`
    const page = await (await this.browser.request(address)).text()
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(page) ?? []
    const response = await this.browser.request(address, {
      method: 'POST',
      body: new URLSearchParams({ token }).toString(),
    })
    const location = response.headers.get('location')
    return location === null ? leadsTo(await response.text()) : new URL(location, address).href
  }

  /** Redirects of the auth host, up to where they leave it. */
  private async follow(start: string): Promise<string> {
    let url = start
    for (let step = 0; step < 5 && url.startsWith(this.world.publicUrl); step += 1) {
      const response = await this.browser.request(url)
      const location = response.headers.get('location')
      if (location === null)
        throw new Error(`${url} was answered with ${response.status}; the log: ${this.world.logText().slice(-800)}`)
      url = new URL(location, url).href
    }
    return url
  }
}
