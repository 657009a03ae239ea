/**
 * A review as one HTML file: it asks the network for nothing, and what a cluster's names hold is text in it.
 *
 * Threat: names are chosen by whoever may write objects, and the page is opened by whoever may read them all. Its policy (CSP
 * Level 3) runs the one script and the one style sheet that it names by their hashes, and loads nothing; no text can be made
 * markup by a script (`require-trusted-types-for`).
 */
import { Html, html } from '../../../../app/pages/html.ts'
import { severities } from '../../../../rbac/reach/finding.ts'
import type { PageData, PageSince } from '../../../../rbac/reach/report/page/page-data.ts'
import { pageAssets } from './assets.ts'
import { plainTable } from './plain-table.ts'

export function pageText(data: PageData): string {
  const { script, style } = pageAssets()
  const policy = [
    "default-src 'none'",
    `script-src ${script.hash}`,
    `style-src ${style.hash}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Who can become whom</title>
<style>${asItIs(style.text)}</style>
</head>
<body>
${headOf(data)}
<main>
${problemsOf(data)}
<noscript>${plainTable(data)}</noscript>
<section class="scripted" id="filter-part"><h2>What to look at</h2><div id="filters"></div></section>
<section class="scripted" id="graph-part"><h2>Ways</h2>
<p id="drawn" role="status"></p>
<div class="bar"><div id="targets" role="group" aria-label="Ways to"></div><div id="zoom" role="group" aria-label="Size"></div></div>
<div class="beside"><div id="graph"></div><div id="panel" role="region" aria-label="What is chosen" aria-live="polite" tabindex="0"></div></div>
<p class="dim">Choose with a click, or with Tab, the arrow keys and Enter. Drag or scroll to move; Ctrl and the wheel make it bigger.</p>
</section>
<section class="scripted"><h2>Findings</h2><p id="table-count" role="status"></p><div class="wide" id="table"></div></section>
</main>
<script type="application/json" id="data">${asItIs(jsonInHtml(data))}</script>
<script type="module">${asItIs(script.text)}</script>
</body>
</html>
`
  return page.markup
}

const asItIs = (text: string): Html => Html.of([text], [])

/** Threat: `</script>` and `<!--` in a name end the element, or keep it from ending; U+2028 ends a line of older scripts. */
const jsonInHtml = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

function headOf({ from, at, limits, remarks, summary, admins, since }: PageData): Html {
  const { findings, expected, within, suppressed, subjects, serverVersion, objectsSeen } = summary
  const version = serverVersion ?? '1.35 or later, as nobody said which'
  return html`<header>
<h1>Who can become whom</h1>
<p>${from}, reviewed ${at}: ${objectsSeen} objects, ${subjects} subjects of bindings, taken as Kubernetes ${version}.</p>
${limits.length === 0 ? '' : html`<p><strong>Only ${limits.join(', ')}</strong>: what else there is, is not in these counts.</p>`}
<ul class="counts">
${[...severities].reverse().map(one => html`<li><strong class="severity ${one}">${findings[one]}</strong> ${one}</li>`)}
<li><strong>${admins.open}</strong> identities can reach cluster-admin, ${admins.expected} more as Kubernetes expects</li>
<li>folded: <strong>${expected}</strong> that Kubernetes itself ships and expects, <strong>${within}</strong> within others, <strong>${suppressed}</strong> accepted</li>
</ul>
${since === null ? '' : sinceOf(since)}
${remarks.map(remark => html`<p><strong>${remark}</strong></p>`)}
</header>`
}

function sinceOf({ new: fresh, gone, goneCount, folded, unchanged, isPartial }: PageSince): Html {
  const left = goneCount - gone.length
  return html`<p><strong>Since the baseline: ${fresh} new, ${goneCount} gone, ${folded} folded now, ${unchanged} unchanged</strong>.${isPartial && goneCount > 0 ? ' What is gone may only not have been read: see below.' : ''}</p>
${goneCount === 0 ? '' : html`<details id="gone"><summary>What is gone: ${goneCount}</summary><ul>${gone.map(({ severity, move, sentence }) => html`<li><span class="severity ${severity}">${severity}</span> ${move} ${sentence}</li>`)}</ul>${left > 0 ? html`<p>${left} more are not in this page: --json has all of them.</p>` : ''}</details>`}`
}

/** What was not read stands above everything that was. */
function problemsOf({ problems, summary }: PageData): Html {
  if (problems.length === 0) return html`<section><p>Everything was read: ${summary.objectsSeen} objects.</p></section>`
  const unread = problems.reduce((sum, one) => sum + one.unread, 0)
  return html`<section class="problems"><h2>Not read, or not as it stands: ${unread} of ${summary.objectsSeen} objects, ${problems.length} ${problems.length === 1 ? 'remark' : 'remarks'}</h2>
<ul>${problems.map(({ code, place, object, message }) => html`<li>${place} ${object === '' ? '' : html`<strong>${object}</strong>: `}${message} <span class="dim">[${code}]</span></li>`)}</ul></section>`
}
