/** A browser at a product: keeps its cookies, fills in its forms, and stops where it leaves the product. */
import { CookieJar } from 'tough-cookie'
import { createOutbound } from '../../app/login/provider/outbound.ts'

const outbound = createOutbound({ timeoutMs: 60_000 })

/** Values by the names that a form has for them; a button is pressed by its name and value. */
export type FormAnswers = Readonly<Record<string, string>>

interface Form {
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
  /** Names of its buttons and of what has no value. */
  readonly names: ReadonlySet<string>
}

export class FormVisitor {
  readonly jar = new CookieJar()

  private readonly origins: readonly string[]

  /** @param origins where the product has its pages */
  constructor(origins: readonly string[]) {
    this.origins = origins
  }

  /**
   * Goes where links and redirects lead, with `answers` for the forms that ask for them.
   * @returns the first address that is none of the product's
   */
  async visit(start: string, answers: FormAnswers = {}): Promise<string> {
    let url = start
    let body: string | undefined
    for (let step = 0; step < 16; step += 1) {
      if (!this.isOwn(url)) return url
      const response = await this.request(url, body)
      const location = response.headers.get('location')
      const page = location === null ? await response.text() : ''
      const form = location === null ? formFor(answers, page, response.status) : undefined
      url = new URL(form?.action || (location ?? ''), url).href
      body = form === undefined ? undefined : bodyOf(form, answers)
    }
    throw new Error(`the product leads in circles, at last to ${url}`)
  }

  /** Whether a page that asks for a password stands behind this address, over redirects of the product. */
  async isAskedForPassword(start: string): Promise<boolean> {
    let url = start
    for (let step = 0; step < 16 && this.isOwn(url); step += 1) {
      const response = await this.request(url)
      const location = response.headers.get('location')
      if (location === null) return /<input[^>]* name="(?:password|login)"/.test(await response.text())
      url = new URL(location, url).href
    }
    return false
  }

  private isOwn(url: string): boolean {
    return this.origins.includes(new URL(url).origin)
  }

  private async request(url: string, body?: string): Promise<Response> {
    const cookie = await this.jar.getCookieString(secure(url))
    const headers = { accept: 'text/html', cookie, origin: new URL(url).origin }
    const form = { method: 'POST', body, headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } }
    const response = await outbound.fetch(url, { redirect: 'manual', ...(body === undefined ? { headers } : form) })
    for (const line of response.headers.getSetCookie()) await this.jar.setCookie(line, secure(url))
    return response
  }
}

/** Browsers take `localhost` for a secure place and send it cookies that are for those only; the jar knows https alone. */
const secure = (url: string): string => url.replace('http:', 'https:')

/** The form that asks for most of the answers, so that a search field or a choice of language is none. */
function formFor(answers: FormAnswers, page: string, status: number): Form {
  const known = (form: Form): number => Object.keys(answers).filter(name => form.names.has(name)).length
  const [best] = formsOf(page).sort((one, other) => known(other) - known(one))
  if (best === undefined) throw new Error(`the product answered ${status} without a form: ${page.slice(0, 2000)}`)
  return best
}

function formsOf(page: string): Form[] {
  return [...page.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)]
    .filter(([, tag = '']) => attribute(tag, 'method')?.toLowerCase() === 'post')
    .map(([, tag = '', content = '']) => {
      const inputs = [...content.matchAll(/<input[^>]*>/gs)].map(([input]) => input)
      const named = [...inputs, ...[...content.matchAll(/<button[^>]*>/gs)].map(([button]) => button)]
      const filled = inputs.filter(input => !/type="(?:submit|checkbox)"/.test(input))
      return {
        action: attribute(tag, 'action') ?? '',
        fields: Object.fromEntries(
          filled.map(input => [attribute(input, 'name') ?? '', attribute(input, 'value') ?? '']),
        ),
        names: new Set(named.map(input => attribute(input, 'name') ?? '')),
      }
    })
}

function attribute(tag: string, name: string): string | undefined {
  const [, value] = new RegExp(`\\s${name}="([^"]*)"`, 's').exec(tag) ?? []
  return value?.replaceAll('&amp;', '&').replaceAll('&#34;', '"').replaceAll('&#39;', "'").replaceAll('&#43;', '+')
}

function bodyOf(form: Form, answers: FormAnswers): string {
  const asked = Object.entries(answers).filter(([name]) => form.names.has(name))
  const all = { ...form.fields, ...Object.fromEntries(asked) }
  return new URLSearchParams(Object.entries(all).filter(([name]) => name !== '')).toString()
}
