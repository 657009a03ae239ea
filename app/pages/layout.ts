/**
 * The frame of every page: one inlined style sheet, at most one script of scripts.ts, nothing from anywhere else but the logo.
 *
 * The policy names style sheet and script by their hashes (CSP Level 3 section 2.3.1), so injected markup has nothing to run and
 * nowhere to send a form. A page that travels through the check of a proxy is under 4 KB: it has the short style sheet and no logo.
 */
import { createHash } from 'node:crypto'
import { logoPath } from '../logo-path.ts'
import { type Shades, shadesOf } from './colours.ts'
import { cut, Html, html } from './html.ts'
import type { Page } from './pages.ts'
import { pageScripts } from './scripts.ts'

/** Of the name of the service; a tab has not even room for that. */
const TITLE_BYTES = 80

const usualShades: Shades = { light: '#1f5fd0', dark: '#7fb0ff' }

// Background, card, ink, dim ink, line, main colour, what is on it, error: each by its first letter or nearly so.
const shortStyle = ({ light, dark }: Shades): string =>
  [
    `:root{color-scheme:light dark;--b:#eef1f6;--c:#fff;--i:#17202e;--d:#5a6577;--l:#d9dfe8;--m:${light};--o:#fff}`,
    `@media(prefers-color-scheme:dark){:root{--b:#0f141c;--c:#19212d;--i:#e8edf5;--d:#9aa7ba;--l:#2d3848;--m:${dark};--o:#0d1420}}`,
    '*{box-sizing:border-box;overflow-wrap:anywhere}',
    'body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--b);color:var(--i);font:1rem/1.55 system-ui,sans-serif}',
    'main{width:100%;max-width:29rem;padding:2rem;background:var(--c);border-radius:1rem}main,dl{border:1px solid var(--l)}',
    'svg{display:block;width:2.5rem;color:var(--m)}',
    'h1{margin:1rem 0 .5rem;font-size:1.4rem;line-height:1.25}p{margin:.5rem 0}',
    'dl{margin:1rem 0;padding:.75rem 1rem;border-radius:.6rem}',
    'dt,small{color:var(--d);font-size:.82rem}dd{margin:0 0 .5rem}',
    'nav{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:1.25rem}',
    'a,button{padding:.65rem 1rem;border:1px solid var(--m);border-radius:.6rem;background:none;color:var(--m);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}nav>*{flex:1 auto}',
    'p a,p button,dd button{padding:0;border:0;text-decoration:underline}',
    '.main{background:var(--m);color:var(--o)}',
    ':focus-visible{outline:3px solid var(--m);outline-offset:2px}',
    'code{user-select:all}',
  ].join('')

/** What pages of the auth host have besides: lists, forms, a logo. */
const longStyle = [
  ':root{--e:#b3261e}@media(prefers-color-scheme:dark){:root{--e:#ffb4ab}}',
  'main{box-shadow:0 .5rem 2rem #0001}img{display:block;max-width:100%;height:2.5rem}',
  'h2{margin:1.5rem 0 .5rem;font-size:1.1rem}h3{margin:1.25rem 0 .5rem;font-size:1rem}',
  '.nav{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:1.25rem}.nav>*{flex:1 auto}.list{flex-direction:column}form{display:contents}form>button{flex:1 auto}',
  '[role=alert]{padding:.6rem .9rem;border-left:.25rem solid var(--e);background:var(--b)}',
  'input{min-width:0;padding:.65rem 1rem;border:1px solid var(--d);border-radius:.6rem;background:none;color:inherit;font:inherit}[aria-invalid]{border-color:var(--e)}',
  'input[type=checkbox]{width:1.1rem;height:1.1rem;vertical-align:-.15rem;accent-color:var(--m)}',
].join('')

export interface Branding {
  /** In titles; default `Sallyport`. Shown on the page where it is set. */
  readonly name?: string
  /** `#rrggbb` */
  readonly colour?: string
  /** Whether `logoPath` of the auth host is a picture. */
  readonly hasLogo?: boolean
}

export interface LayoutOptions {
  readonly title: string
  /** Everything below the heading. */
  readonly body: Html
  /** Whether the page is one of the auth host alone, which no check of a proxy passes on. Default false. */
  readonly isOwn?: boolean
  /**
   * Whether the page has a form, which then goes to this origin alone, redirects of its answer included: what leads to
   * somebody else is a page, so that no list of the hosts that a provider may redirect over is needed. Default false.
   */
  readonly hasForm?: boolean
  readonly script?: keyof typeof pageScripts
}

/** The frames of pages with this name; what is the same on every page of a title is put together once. */
export function createLayout(branding: Branding, tag: string): (options: LayoutOptions) => Page {
  const frames = new Map<string, Frame>()
  const shades = branding.colour === undefined ? usualShades : shadesOf(branding.colour)
  const short = createStyle(shortStyle(shades))
  const long = createStyle(shortStyle(shades) + longStyle)
  return ({ title, body, isOwn = false, hasForm = false, script }) => {
    const style = isOwn ? long : short
    // Titles are those of messages: there are only so many.
    const key = `${isOwn}${title}`
    const frame = frames.get(key) ?? createFrame(title, { branding, tag, isOwn, style })
    frames.set(key, frame)
    const { element, source } = script === undefined ? none : pageScripts[script]
    const directives = [
      "default-src 'none'",
      `style-src '${style.hash}'`,
      ...(script === undefined ? [] : [`script-src ${source}`]),
      ...(isOwn && branding.hasLogo === true ? ["img-src 'self'"] : []),
      `form-action ${hasForm ? "'self'" : "'none'"}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ]
    return {
      html: `${frame.before}${body.markup}\n</main>\n${element.markup}</body>\n</html>\n`,
      contentSecurityPolicy: directives.join('; '),
    }
  }
}

const none = { element: html``, source: '' }

interface Style {
  readonly element: Html
  readonly hash: string
}

function createStyle(text: string): Style {
  const hash = `sha256-${createHash('sha256').update(text).digest('base64')}`
  // Made here and of a colour that was checked: without a character that HTML would read otherwise.
  return { element: html`<style>${Html.of([text], [])}</style>`, hash }
}

interface Frame {
  readonly before: string
}

interface FrameOptions {
  readonly branding: Branding
  readonly tag: string
  readonly isOwn: boolean
  readonly style: Style
}

// The dash is an entity: with one character beyond Latin-1 the whole page takes twice the memory and longer to send.
function createFrame(title: string, { branding, tag, isOwn, style }: FrameOptions): Frame {
  const { name, hasLogo } = branding
  const picture = hasLogo === true ? (isOwn ? html`<img src="${logoPath}" alt="">` : undefined) : emblem
  const before = html`<!doctype html>
<html lang="${tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
${isOwn ? noIndex : undefined}<title>${title} ${dash} ${cut(name ?? 'Sallyport', TITLE_BYTES)}</title>
${style.element}
</head>
<body>
<main>
${picture}${name === undefined ? undefined : html`<p><small>${name}</small></p>`}
<h1>${title}</h1>
`
  return { before: before.markup }
}

/** What says no is in no index anyway. */
const noIndex = html`<meta name="robots" content="noindex">
`
const dash = html`&ndash;`

/** A castle's side gate, open. Decoration: a screen reader passes it by. */
const emblem = html`<svg viewBox="0 0 40 40" fill="none" stroke="currentColor" stroke-width="2.5" aria-hidden="true"><path d="M4 36V9h5v4h6V9h10v4h6V9h5v27z"/><path d="M14 36V25a6 6 0 0 1 12 0v11" fill="currentColor"/></svg>`
