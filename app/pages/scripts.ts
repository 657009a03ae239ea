/**
 * The scripts of pages, named by their hashes in the policy of whichever page has one. Nothing of a request is in them, and
 * every page works without.
 */
import { createHash } from 'node:crypto'
import { Html, html } from './html.ts'

export interface PageScript {
  readonly element: Html
  /** As the policy names it. */
  readonly source: string
}

/**
 * Shows the buttons, which all need it: one copies what stands before it, one goes back where there is something to go back to.
 * `execCommand`: also where the page is not https.
 */
const buttons =
  'for(const b of document.querySelectorAll("button")){const d=b.dataset.done;b.onclick=()=>{if(d){getSelection().selectAllChildren(b.previousElementSibling);document.execCommand("copy");b.textContent=d}else history.back()};b.hidden=!d&&history.length<2}'

/** Moments where the browser is, in place of UTC. */
const times =
  'for(const t of document.querySelectorAll("time"))t.textContent=new Date(t.dateTime).toLocaleString(document.documentElement.lang,{dateStyle:"medium",timeStyle:"short"})'

function script(text: string): PageScript {
  const digest = createHash('sha256').update(text).digest('base64')
  // Constant, and without a character that HTML would end a script at.
  return { element: html`<script>${Html.of([text], [])}</script>`, source: `'sha256-${digest}'` }
}

export const pageScripts = { buttons: script(buttons), times: script(times) } as const
