/** HTML of the demo's own pages: escaping, one frame, one style. No script, no foreign resource. */

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, character => entities[character] ?? '')
}

export interface Frame {
  readonly title: string
  /** Any CSS colour; tells the demo's pages apart at a glance. */
  readonly accent: string
  /** HTML; whatever came from outside has been escaped. */
  readonly body: string
  /** HTML at the right end of the top line. */
  readonly corner?: string
}

const style = `
  :root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6577; --paper: #fff; --ground: #f3f4f8; --line: #dfe2ea; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #eceff5; --soft: #a3adbf; --paper: #1b2029; --ground: #12151b; --line: #303746; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
  header { display: flex; gap: 1rem; align-items: center; padding: .9rem 1.5rem; background: var(--accent); color: #fff; }
  header strong { font-size: 1.15rem; flex: 1; }
  header a { color: #fff; }
  main { max-width: 54rem; margin: 1.5rem auto; padding: 0 1rem; display: grid; gap: 1rem; }
  section { background: var(--paper); border: 1px solid var(--line); border-radius: 12px; padding: 1.1rem 1.4rem; }
  h1, h2 { margin: 0 0 .4rem; line-height: 1.2; } h1 { font-size: 1.6rem; } h2 { font-size: 1.05rem; }
  p { margin: .3rem 0; } .soft { color: var(--soft); }
  .chip { display: inline-block; padding: .05rem .6rem; border-radius: 99px; border: 1px solid var(--accent); margin-right: .3rem; }
  table { border-collapse: collapse; width: 100%; font-size: .875rem; }
  th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-top: 1px solid var(--line); }
  th { white-space: nowrap; font-weight: 600; } td { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
  tr.ours th { color: var(--accent); }
  nav { display: flex; flex-wrap: wrap; gap: .6rem; }
  .button, button { font: inherit; cursor: pointer; padding: .5rem 1rem; border-radius: 8px; border: 1px solid var(--line);
    background: var(--paper); color: var(--ink); text-decoration: none; }
  .button:hover, button:hover { border-color: var(--accent); }
  button.person { display: grid; grid-template-columns: auto 1fr; gap: 0 1rem; width: 100%; text-align: left; align-items: center;
    padding: .8rem 1rem; margin-bottom: .6rem; }
  button.person b { grid-row: span 2; width: 2.6rem; height: 2.6rem; border-radius: 50%; display: grid; place-items: center;
    background: var(--accent); color: #fff; font-size: 1.2rem; }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  .narrow { max-width: 30rem; }
`

export function renderFrame({ title, accent, body, corner = '' }: Frame): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>:root { --accent: ${accent}; }${style}</style>
</head>
<body>
<header><strong>${escapeHtml(title)}</strong>${corner}</header>
<main>${body}</main>
</body>
</html>
`
}

/** For pages of `renderFrame`: inline style, forms, nothing else. A form's redirects leave the host, so they are not limited. */
export const framePolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
