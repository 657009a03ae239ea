/**
 * The frame of every page: one inlined style sheet, no script, nothing from anywhere else, under 4 KB.
 *
 * The policy names the style sheet by its hash (CSP Level 3 section 2.3.1), so injected markup has nothing to run and
 * nowhere to send a form.
 */
import { createHash } from 'node:crypto'
import { Html, html } from './html.ts'
import type { Page } from './pages.ts'

const style = [
  ':root{color-scheme:light dark;--bg:#eef1f6;--card:#fff;--ink:#17202e;--dim:#5a6577;--line:#d9dfe8;--main:#1f5fd0;--on:#fff}',
  '@media(prefers-color-scheme:dark){:root{--bg:#0f141c;--card:#19212d;--ink:#e8edf5;--dim:#9aa7ba;--line:#2d3848;--main:#7fb0ff;--on:#0d1420}}',
  '*{box-sizing:border-box}',
  'body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--bg);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}',
  'main{width:100%;max-width:29rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;box-shadow:0 .5rem 2rem #0001}',
  'svg{display:block;width:2.5rem;height:2.5rem;color:var(--main)}',
  'h1{margin:1rem 0 .5rem;font-size:1.4rem;line-height:1.25}h2{margin:1.5rem 0 .5rem;font-size:1.1rem}p{margin:.5rem 0}',
  'dl{margin:1rem 0;padding:.75rem 1rem;border:1px solid var(--line);border-radius:.6rem}',
  'dt,small{color:var(--dim);font-size:.82rem}dd{margin:0 0 .5rem;overflow-wrap:anywhere}dd:last-child{margin:0}',
  'nav{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:1.25rem}nav.list{flex-direction:column}',
  'a,button{flex:1;padding:.65rem 1rem;border:1px solid var(--main);border-radius:.6rem;background:none;color:var(--main);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}',
  '.main{background:var(--main);color:var(--on)}',
  'a:focus-visible,button:focus-visible,input:focus-visible{outline:3px solid var(--main);outline-offset:2px}',
  'form{display:contents}',
  'input{padding:.65rem 1rem;border:1px solid var(--dim);border-radius:.6rem;background:none;color:inherit;font:inherit}',
].join('')

const styleHash = createHash('sha256').update(style).digest('base64')

export interface LayoutOptions {
  readonly title: string
  /** Everything below the heading. */
  readonly body: Html
  /**
   * Whether the page has a form, which then goes to this origin alone, redirects of its answer included: what leads to
   * somebody else is a page, so that no list of the hosts that a provider may redirect over is needed. Default false.
   */
  readonly hasForm?: boolean
}

/** The frames of pages with this product's name; what is the same on every page of a title is put together once. */
export function createLayout(productName: string): (options: LayoutOptions) => Page {
  const frames = new Map<string, Frame>()
  return ({ title, body, hasForm = false }) => {
    // Titles are written here and in create-pages.ts: there are only so many.
    const frame = frames.get(title) ?? createFrame(productName, title)
    frames.set(title, frame)
    return {
      html: frame.before + body.markup + frame.after,
      contentSecurityPolicy: hasForm ? policyWithForms : policyWithoutForms,
    }
  }
}

interface Frame {
  readonly before: string
  readonly after: string
}

// The dash is an entity: with one character beyond Latin-1 the whole page takes twice the memory and longer to send.
function createFrame(productName: string, title: string): Frame {
  const before = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} ${dash} ${productName}</title>
<style>${styleSheet}</style>
</head>
<body>
<main>
${emblem}
<h1>${title}</h1>
`
  return { before: before.markup, after: '\n</main>\n</body>\n</html>\n' }
}

const dash = html`&ndash;`

/** A castle's side gate, open. Decoration: a screen reader passes it by. */
const emblem = html`<svg viewBox="0 0 40 40" fill="none" stroke="currentColor" stroke-width="2.5" aria-hidden="true"><path d="M4 36V9h5v4h6V9h10v4h6V9h5v27z"/><path d="M14 36V25a6 6 0 0 1 12 0v11" fill="currentColor"/></svg>`

/** Constant, and without a character that HTML would read otherwise. */
const styleSheet = Html.of([style], [])

function contentSecurityPolicy(forms: "'none'" | "'self'"): string {
  return [
    "default-src 'none'",
    `style-src 'sha256-${styleHash}'`,
    `form-action ${forms}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')
}

const policyWithoutForms = contentSecurityPolicy("'none'")
const policyWithForms = contentSecurityPolicy("'self'")
