/** The pages of the demo's identity provider. */
import type { KoaContextWithOIDC } from 'oidc-provider'
import { escapeHtml, framePolicy, renderFrame } from '../html.ts'
import { describeGroups, people } from '../people.ts'

export interface ProviderPage {
  readonly html: string
  readonly policy: string
}

const accent = '#6d3fc0'
const title = 'Demo identity provider'

const page = (body: string): ProviderPage => ({ html: renderFrame({ title, accent, body }), policy: framePolicy })

/** What the page asks for beside the person. */
export type Asked = 'nothing' | 'code' | 'code-again'

const codeField: Readonly<Record<Asked, string>> = {
  nothing: '',
  code: field('It stands in the terminal in which the demo runs.'),
  'code-again': field('That was another code. It stands in the terminal in which the demo runs.'),
}

function field(hint: string): string {
  return `<p><label>Code <input name="code" required autofocus autocomplete="off" size="12"></label></p>
  <p class="soft">${hint}</p>`
}

export function loginPage(uid: string, asked: Asked): ProviderPage {
  const buttons = people.map(
    person => `
    <button class="person" name="person" value="${person.id}">
      <b aria-hidden="true">${escapeHtml(person.name.slice(0, 1))}</b>
      <strong>${escapeHtml(person.name)}</strong>
      <span class="soft">${escapeHtml(`${person.email} · ${describeGroups(person)}`)}</span>
    </button>`,
  )
  return page(`<section class="narrow"><h1>Who are you today?</h1>
  <p class="soft">Choose a person to log in as.${asked === 'nothing' ? ' There are no passwords here.' : ''}</p>
  <form method="post" action="/interaction/${encodeURIComponent(uid)}">${codeField[asked]}${buttons.join('')}</form></section>`)
}

/** `form` is oidc-provider's own form with its CSRF token; the buttons belong to it by its id. */
export function logoutPage(form: string): ProviderPage {
  return page(`<section class="narrow"><h1>Log out here as well?</h1>
  <p class="soft">Sallyport has ended its session. This ends the session at the identity provider.</p>
  ${form}
  <nav><button autofocus form="op.logoutForm" name="logout" value="yes">Log out</button>
  <button form="op.logoutForm">Stay logged in here</button></nav></section>`)
}

export function signedOutPage(): ProviderPage {
  return page('<section class="narrow"><h1>You are logged out.</h1></section>')
}

export function errorPage(error: string, description: string): ProviderPage {
  return page(`<section class="narrow"><h1>Something went wrong</h1>
  <p>${escapeHtml(error)}</p><p class="soft">${escapeHtml(description)}</p></section>`)
}

/** Answers through oidc-provider's own context. */
export function framed(ctx: KoaContextWithOIDC, { html, policy }: ProviderPage): void {
  ctx.type = 'html'
  ctx.set('Content-Security-Policy', policy)
  ctx.body = html
}
