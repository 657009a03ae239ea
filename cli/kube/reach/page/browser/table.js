/** Findings as a table: each row opens into its sentence, way and edit. */
import { counted, data, edgeAt, findingAt, nodeText, severityNames, stepsIn } from './data.js'
import { button, byId, el } from './dom.js'
import { findingParts, stepsList } from './steps.js'

const pageSize = 100

/** @type {readonly (readonly [name: string, key: (at: number) => string | number])[]} */
const columns = [
  ['Severity', at => severityNames.indexOf(findingAt(at).severity)],
  ['Move', at => findingAt(at).move],
  ['Identity', at => nodeText(findingAt(at).subject)],
  ['Where', at => findingAt(at).namespace ?? ''],
  ['Leads to', at => leadsTo(at).rank],
]

/** The worst that a finding leads to, and in how many steps. @param {number} at */
function leadsTo(at) {
  const { path } = findingAt(at)
  const last = path.at(-1)
  if (last === undefined) return { text: '', rank: Number.POSITIVE_INFINITY }
  const steps = stepsIn(path)
  const end = edgeAt(last)[1]
  return { text: `${nodeText(end)}, ${counted(steps, 'step')}`, rank: data.sinks.indexOf(end) * 1_000 + steps }
}

/** @type {number[]} */
let rows = []
let shown = pageSize
/** Undefined: the worst first, as they came. @type {{ readonly column: number, readonly isDown: boolean } | undefined} */
let order
/** @type {(node: number) => void} */
let onGraph = () => {}

const heads = columns.map(([name], at) => {
  const cell = el('th', { scope: 'col' }, [button(name, () => sortBy(at), 'sort')])
  return cell
})
const body = el('tbody')
const more = button('', () => {
  shown += 5 * pageSize
  fill()
})

/** @param {(node: number) => void} showInGraph */
export function addTable(showInGraph) {
  onGraph = showInGraph
  byId('table').append(
    el('table', {}, [el('thead', {}, [el('tr', {}, [...heads, el('th', { scope: 'col' }, ['Finding'])])]), body]),
    more,
  )
}

/** @param {number[]} findings */
export function fillTable(findings) {
  rows = findings
  shown = pageSize
  fill()
}

/** @param {number} column */
function sortBy(column) {
  const isDown = order?.column === column && !order.isDown
  order = { column, isDown }
  for (const [at, head] of heads.entries()) {
    if (at === column) head.setAttribute('aria-sort', isDown ? 'descending' : 'ascending')
    else head.removeAttribute('aria-sort')
  }
  fill()
}

function fill() {
  const list = inOrder()
  body.replaceChildren(...list.slice(0, shown).flatMap(rowsOf))
  const left = list.length - shown
  more.hidden = left <= 0
  more.textContent = `${left.toLocaleString('en')} more are not shown here: show ${Math.min(left, 5 * pageSize)} of them`
  byId('table-count').textContent =
    `${counted(list.length, 'finding')} of ${data.asked.toLocaleString('en')}, folded ones counted`
}

function inOrder() {
  const key = order === undefined ? undefined : columns[order.column]?.[1]
  if (order === undefined || key === undefined) return rows
  const sign = order.isDown ? -1 : 1
  const keyed = rows.map(at => ({ at, key: key(at) }))
  keyed.sort((one, other) => (one.key < other.key ? -sign : one.key > other.key ? sign : one.at - other.at))
  return keyed.map(({ at }) => at)
}

/** @param {number} at */
function rowsOf(at) {
  const { severity, move, subject, namespace, sentence, folded, isNew } = findingAt(at)
  const opened = el('tr', { class: 'opened', hidden: true })
  const opener = button(sentence, () => {
    const isOpen = opener.getAttribute('aria-expanded') === 'true'
    opener.setAttribute('aria-expanded', String(!isOpen))
    opened.hidden = isOpen
    if (!opened.hasChildNodes()) opened.append(el('td', { colspan: `${columns.length + 1}` }, partsOf(at)))
  })
  opener.className = 'opener'
  opener.setAttribute('aria-expanded', 'false')
  const row = el('tr', { class: folded === null ? '' : 'folded', 'data-finding': `${at}` }, [
    el('td', {}, [el('span', { class: `severity ${severity}` }, [severity]), ...(isNew ? [' new'] : [])]),
    el('td', { title: data.moves[move]?.title ?? '' }, [move]),
    el('td', { class: 'name' }, [nodeText(subject)]),
    el('td', { class: 'name' }, [namespace ?? 'whole cluster']),
    el('td', { class: 'name' }, [leadsTo(at).text]),
    el('td', { class: 'name' }, [opener]),
  ])
  return [row, opened]
}

/** @param {number} at */
function partsOf(at) {
  const { path, subject } = findingAt(at)
  const way =
    path.length === 0
      ? el('p', { class: 'dim' }, ['It leads to neither cluster-admin, nor a node, nor every Secret.'])
      : el('details', { open: true }, [el('summary', {}, ['The shortest way to the worst']), stepsList(path)])
  return [...findingParts(at), way, button('Show in the graph', () => onGraph(subject))]
}
