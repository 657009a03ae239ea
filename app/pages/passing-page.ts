/** The frame of pages that nobody is to see: they lead on by themselves. */
import { type Html, html } from './html.ts'
import type { Messages } from './messages/english.ts'
import type { Page } from './pages.ts'

export interface Passing {
  /** What leads on. */
  readonly head: Html
  /** What is left to do where that is switched off. */
  readonly body: Html
  /** Directives for what `head` needs; all else is closed. */
  readonly allowed?: readonly string[]
}

export function passingPage({ head, body, allowed = [] }: Passing, { tag, oneMoment }: Messages): Page {
  const page = html`<!doctype html>
<html lang="${tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${oneMoment}</title>
${head}
</head>
<body>
${body}
</body>
</html>
`
  const closed = ["default-src 'none'", ...allowed, "form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'"]
  return { html: page.markup, contentSecurityPolicy: closed.join('; ') }
}
