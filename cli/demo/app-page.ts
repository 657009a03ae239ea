/** The page of a demo application: who is asking, and every header that arrived. */
import type { Echo } from './echo.ts'
import { escapeHtml, renderFrame } from './html.ts'

const looks: Readonly<Record<string, { readonly title: string; readonly accent: string; readonly other: string }>> = {
  wiki: { title: 'Wiki', accent: '#0b6e4f', other: 'payroll' },
  payroll: { title: 'Payroll', accent: '#a4470b', other: 'wiki' },
}

/** Headers that the proxy set on Sallyport's word. */
const ours = /^(remote-(user|email|name|groups)|x-sallyport-assertion)$/i

export function applicationPage(echo: Echo): string {
  const look = looks[echo.app] ?? { title: echo.app, accent: '#334', other: 'wiki' }
  const host = headerOf(echo, 'host')
  const otherUrl = `//${host.replace(/^[^.:]+/, look.other)}/`
  const isPublic = headerOf(echo, 'remote-user') === ''
  return renderFrame({
    title: look.title,
    accent: look.accent,
    corner: isPublic ? '' : '<a href="/.sallyport/sign-out">Log out</a>',
    body: `${who(echo)}
<section><nav><a class="button" href="/">Start page</a>
<a class="button" href="/public/welcome">Public page</a>
<a class="button" href="${escapeHtml(otherUrl)}">Go to ${escapeHtml(look.other)}</a></nav></section>
${assertion(headerOf(echo, 'x-sallyport-assertion'))}
<section><h2>What this application received</h2>
<p class="soft">${escapeHtml(`${echo.method} ${echo.url}`)} — coloured headers come from Sallyport; a browser cannot set them.</p>
<table>${echo.headers.map(row).join('')}</table></section>`,
  })
}

function who(echo: Echo): string {
  const user = headerOf(echo, 'remote-user')
  if (user === '') {
    return '<section><h1>Hello, guest</h1><p class="soft">Nobody is logged in; this page is public.</p></section>'
  }
  const groups = headerOf(echo, 'remote-groups')
    .split(',')
    .filter(group => group !== '')
  const chips = groups.map(group => `<span class="chip">${escapeHtml(group)}</span>`).join('')
  return `<section><h1>Hello, ${escapeHtml(headerOf(echo, 'remote-name') || user)}</h1>
<p class="soft">${escapeHtml(headerOf(echo, 'remote-email'))}</p><p>${chips || '<span class="soft">in no group</span>'}</p></section>`
}

/** The claims as text. Showing needs no signature check; an application that decides by them must verify it. */
function assertion(token: string): string {
  const [, payload] = token.split('.')
  if (payload === undefined) return ''
  const claims = Buffer.from(payload, 'base64url').toString('utf8')
  return `<section><h2>The signed assertion says</h2><p style="font-family: ui-monospace, monospace; font-size: .875rem;
overflow-wrap: anywhere">${escapeHtml(claims)}</p></section>`
}

function row([name, value]: readonly [string, string]): string {
  return `<tr${ours.test(name) ? ' class="ours"' : ''}><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`
}

function headerOf(echo: Echo, name: string): string {
  return echo.headers.find(([candidate]) => candidate.toLowerCase() === name)?.[1] ?? ''
}
