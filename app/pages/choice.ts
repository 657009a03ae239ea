/** The page on which people say with whom they log in, and whether they stay so. */
import { cut, type Html, html } from './html.ts'
import type { Messages } from './messages/english.ts'
import type { ChoicePage } from './pages.ts'
import { isWeb, WHO_BYTES } from './parts.ts'

type EmailForm = NonNullable<ChoicePage['emailForm']>

/**
 * One way on is the main one, and the keyboard starts there: what was used last, else the address, else the first of the list.
 * Where staying logged in can be chosen all of it is one form, of which the box is a part; else a provider is a link.
 */
export function choiceBody({ providers, emailForm, rememberAction, isRemembered }: ChoicePage, words: Messages): Html {
  const { choice } = words
  const sorted = [...providers].sort((a, b) => Number(b.isRemembered ?? false) - Number(a.isRemembered ?? false))
  const isFieldFirst = emailForm !== undefined && sorted[0]?.isRemembered !== true
  const ways = sorted.map((provider, index) => {
    const isFirst = index === 0 && !isFieldFirst
    return rememberAction === undefined ? linkTo(provider, isFirst) : buttonOf(provider, isFirst, words)
  })
  const email = emailForm === undefined ? undefined : emailBody(emailForm, isFieldFirst, words)
  const or = emailForm === undefined ? undefined : html`<p>${choice.or}</p>\n`
  const list = html`<nav class="list" aria-label="${choice.providers}">${ways}</nav>`
  if (rememberAction === undefined) {
    const form =
      emailForm === undefined ? undefined : html`<form method="post" action="${emailForm.action}">${email}</form>\n`
    return html`${form}${or}${list}`
  }
  return html`<form method="post" action="${rememberAction}">${email}${or}${list}
<p><label><input type="checkbox" name="remember" value="1"${isRemembered === true ? html` checked` : undefined}> ${choice.remember}</label><br><small>${choice.rememberHint}</small></p></form>`
}

const mainClass = (isMain: boolean): Html | undefined => (isMain ? html` class="main" autofocus` : undefined)

const linkTo = ({ label, url }: ChoicePage['providers'][number], isMain: boolean): Html =>
  html`<a${mainClass(isMain)} href="${isWeb(url) ? url : '/'}">${cut(label, WHO_BYTES)}</a>`

/** `formnovalidate`: the address may be left empty. */
const buttonOf = ({ label, name }: ChoicePage['providers'][number], isMain: boolean, { choice }: Messages): Html =>
  html`<button${mainClass(isMain)} name="provider" value="${name}" formnovalidate>${choice.with(cut(label, WHO_BYTES))}</button>`

/** Enter in the field presses the first button of the form, which is its own. */
function emailBody({ isUnknown, typed = '' }: EmailForm, isMain: boolean, { choice, goOn }: Messages): Html {
  const alert = isUnknown ? html`<p role="alert" id="unknown">${choice.unknown}</p>\n` : undefined
  const wrong = isUnknown ? html` aria-invalid="true" aria-describedby="unknown"` : undefined
  const value = typed === '' ? undefined : html` value="${cut(typed, 254)}"`
  return html`${alert}<div class="nav list"><label for="email">${choice.address}</label><input id="email" name="email" type="email" maxlength="254" autocomplete="email" required${value}${wrong}${isMain ? html` autofocus` : undefined}><button${isMain ? html` class="main"` : undefined}>${goOn}</button></div>
`
}
