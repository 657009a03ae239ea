/** A page that nobody sees: it tells `/login` what stands behind `#` in its own address, and is gone. */
import { createHash } from 'node:crypto'
import { Html, html } from './html.ts'
import type { Page } from './pages.ts'

/**
 * Nothing from the request is in it. The parameter goes first, because an unencoded `rd` takes everything behind it; what
 * is too long for an address is left out. `replace`: going back must not lead here.
 */
const script =
  'var f=encodeURIComponent(location.hash.slice(1));location.replace("/login?fragment="+(f.length>3072?"":f)+"&"+location.search.slice(1))'

const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** Constant, and without a character that HTML would end a script at. */
const scriptText = Html.of([script], [])

/** `url`: where a browser without scripts goes on. */
export function keepFragmentPage({ url }: { readonly url: string }): Page {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>One moment</title>
<noscript><meta http-equiv="refresh" content="0;url=${url}"></noscript>
<script>${scriptText}</script>
</head>
<body>
<noscript><a href="${url}">Go on</a></noscript>
</body>
</html>
`
  return { html: page.markup, contentSecurityPolicy }
}
