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

/** Shows the buttons that need it: one copies what stands before it, one goes back. `execCommand`: also where the page is not https. */
const buttons =
  'for(const b of document.querySelectorAll("button[hidden]")){const t=b.previousElementSibling;if(b.dataset.done){b.onclick=()=>{getSelection().selectAllChildren(t);document.execCommand("copy");b.textContent=b.dataset.done}}else if(history.length>1)b.onclick=()=>history.back();else continue;b.hidden=false}'

/** Moments where the browser is, in place of UTC. */
const times =
  'for(const t of document.querySelectorAll("time"))t.textContent=new Date(t.dateTime).toLocaleString(document.documentElement.lang,{dateStyle:"medium",timeStyle:"short"})'

function script(text: string): PageScript {
  const digest = createHash('sha256').update(text).digest('base64')
  // Constant, and without a character that HTML would end a script at.
  return { element: html`<script>${Html.of([text], [])}</script>`, source: `'sha256-${digest}'` }
}

export const pageScripts = { buttons: script(buttons), times: script(times) } as const
