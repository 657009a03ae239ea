/** A page that leads on by itself, without a script: for addresses that no redirect has room for. */
import { html } from './html.ts'
import type { Page } from './pages.ts'

const contentSecurityPolicy = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

/** `url`: canonical, http or https; whoever sends the page has looked at its host. */
export function leadBackPage({ url }: { readonly url: string }): Page {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>One moment</title>
<meta http-equiv="refresh" content="0;url=${url}">
</head>
<body>
<noscript><a href="${url}">Go on</a></noscript>
</body>
</html>
`
  return { html: page.markup, contentSecurityPolicy }
}
