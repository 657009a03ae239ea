/** The findings without a script: what a reader without one, or a search in the file, finds. */
import { type Html, html } from '../../../../app/pages/html.ts'
import type { PageData, PageFinding } from '../../../../rbac/reach/report/page/page-data.ts'

/** They stand in the file twice: the worst of a big cluster alone. */
const mostRows = 1_000

export function plainTable(data: PageData): Html {
  const open = data.findings.slice(0, data.asked).filter(({ folded }) => folded === null)
  const left = open.length - mostRows
  return html`<section><h2>Findings</h2>
<p>This is the table alone: the graph and the filters need the script of this file. What is folded is counted above.${left > 0 ? ` ${left} more than these ${mostRows}, which are the worst, are not in this table.` : ''}</p>
<table><thead><tr><th>Severity</th><th>Move</th><th>Finding</th><th>Way</th><th>Edit</th></tr></thead><tbody>
${open.slice(0, mostRows).map(one => rowOf(one, data))}</tbody></table></section>`
}

function rowOf({ severity, move, sentence, path, edits, subject, isNew }: PageFinding, data: PageData): Html {
  const way = path.flatMap(place => {
    const [, to, how] = data.edges[place] ?? []
    return to === undefined ? [] : [`${how} → ${data.nodes[to]?.text}`]
  })
  const edit = edits.map(at => `${data.edits[at]?.object}: ${data.edits[at]?.sentence}`)
  return html`<tr><td>${severity}${isNew ? ' new' : ''}</td><td>${move}</td><td>${sentence}</td><td>${way.length === 0 ? '' : [data.nodes[subject]?.text, ...way].join(' — ')}</td><td>${edit.join('; ')}</td></tr>
`
}
