/** The page: what is looked at goes into the graph and the table, whoever is chosen into the panel beside the graph. */
import { allWays, boundText } from './all-ways.js'
import { counted, data, edgeAt, findingAt, findingsOf, isSubject, nodeText, severityNames, stepsIn } from './data.js'
import { button, byId, el } from './dom.js'
import { draw, highlight, isDrawn, show } from './drawing.js'
import { addFilters, isLimited, lookedAt, showsFolded } from './filters.js'
import { linksOf } from './layout.js'
import { findingParts, stepsList } from './steps.js'
import { addTable, fillTable } from './table.js'
import { edgesOf, reachersOf, waysTo } from './ways.js'

/** @typedef {{ readonly node: number, readonly path: number[] }} Start */

/** Of more, nobody sees anything. */
const mostDrawn = 120

/** The worst that anybody reaches. */
let ways =
  data.sinks.map(waysTo).find(one => reachersOf(one).some(({ isExpected }) => !isExpected)) ??
  waysTo(data.sinks[0] ?? 0)
/** All who reach the target, folded ones among them. */
let reachers = reachersOf(ways)
/** Somebody who was asked for by name is drawn, however many there are. @type {number | undefined} */
let wanted
/** @type {Start[]} */
let starts = []

/** @param {number} target */
function aimAt(target) {
  ways = waysTo(target)
  reachers = reachersOf(ways)
  wanted = undefined
  fillTargets()
  redraw()
  choose(target)
}

/** Whoever has a way, by the findings that are looked at; without a filter everybody. @param {readonly number[]} findings */
function startsAmong(findings) {
  if (!isLimited()) return reachers.filter(({ isExpected }) => showsFolded() || !isExpected)
  /** @type {Map<number, number[]>} */
  const firsts = new Map()
  for (const at of findings) {
    const { subject } = findingAt(at)
    firsts.set(subject, [...(firsts.get(subject) ?? []), ...edgesOf(at)])
  }
  return [...firsts].flatMap(([node, edges]) => {
    const path = node === ways.target ? undefined : ways.path(node, edges)
    return path === undefined ? [] : [{ node, path }]
  })
}

/** How bad the worst of somebody is. @param {number} node */
const rankOf = node =>
  Math.min(9, ...(findingsOf.get(node) ?? []).map(at => severityNames.indexOf(findingAt(at).severity)))

function redraw() {
  const findings = lookedAt()
  const all = startsAmong(findings).map(start => ({ ...start, rank: rankOf(start.node) }))
  all.sort((one, other) => one.rank - other.rank || one.path.length - other.path.length || one.node - other.node)
  starts = all.slice(0, mostDrawn)
  if (wanted !== undefined && !starts.some(({ node }) => node === wanted)) {
    const path = ways.path(wanted)
    if (path !== undefined && path.length > 0) starts = [...starts, { node: wanted, path }]
  }
  draw(starts, ways.target, choose)
  const left = all.length - Math.min(all.length, mostDrawn)
  byId('drawn').textContent = [
    `${counted(all.length, 'identity').replace('identitys', 'identities')} can reach ${nodeText(ways.target)}`,
    isLimited() ? ' by the findings that are looked at' : '',
    left === 0
      ? '; all are drawn.'
      : `; the worst ${mostDrawn} are drawn, ${left.toLocaleString('en')} are NOT: a filter, or "Show in the graph" of a finding, shows them.`,
  ].join('')
  fillTable(findings)
}

/** @param {number} node */
function choose(node) {
  const start = starts.find(one => one.node === node)
  const path = start?.path ?? ways.path(node) ?? []
  highlight(linksOf(node, path), node)
  byId('panel').replaceChildren(...panelParts(node, path))
}

/** @param {number} node */
function showInGraph(node) {
  if (!isDrawn(node)) {
    wanted = node
    redraw()
  }
  choose(node)
  show(node)
  byId('graph-part').scrollIntoView({ block: 'start' })
}

/** @param {number} node @param {readonly number[]} path */
function panelParts(node, path) {
  const own = findingsOf.get(node) ?? []
  return [
    el('h3', {}, [nodeText(node)]),
    ...(node === ways.target ? targetParts() : wayParts(node, path)),
    ...(node === ways.target ? [] : [button('Who can become or reach this?', () => aimAt(node))]),
    ...(own.length === 0 || !isSubject(node) ? [] : [el('h4', {}, [`Its ${counted(own.length, 'finding')}`])]),
    ...own.slice(0, 30).map(at => {
      const { severity, move } = findingAt(at)
      const head = el('summary', {}, [
        el('span', { class: `severity ${severity}` }, [severity]),
        ` ${move} ${data.moves[move]?.title ?? ''}`,
      ])
      const part = el('details', {}, [head])
      part.addEventListener('toggle', () => part.childElementCount === 1 && part.append(...filledParts(at)))
      return part
    }),
    ...(own.length > 30 ? [el('p', { class: 'dim' }, [`${own.length - 30} more: see the table`])] : []),
  ]
}

/** @param {number} at */
const filledParts = at => findingParts(at).filter(part => part !== undefined)

/** @param {number} node @param {readonly number[]} path */
function wayParts(node, path) {
  if (path.length === 0) return [el('p', {}, [`It has no way to ${nodeText(ways.target)}.`])]
  return [
    el('p', {}, [`The shortest way to ${nodeText(ways.target)}, ${counted(stepsIn(path), 'step')}:`]),
    stepsList(path),
    everyWay(node),
  ]
}

/** At once with `--all`, else when somebody asks: it is a longer search. @param {number} node */
function everyWay(node) {
  const { target } = ways
  const part = el('div', { class: 'every-way' })
  const fill = () => {
    const found = allWays(node, target)
    part.replaceChildren(
      el('h4', {}, [`Every way to ${nodeText(target)}`]),
      el('p', { role: 'status' }, [boundText(found)]),
      ...found.paths.map(path =>
        el('details', {}, [
          el('summary', {}, [
            `${counted(stepsIn(path), 'step')}: ${path.map(place => nodeText(edgeAt(place)[1])).join(' → ')}`,
          ]),
          stepsList(path),
        ]),
      ),
    )
  }
  if (data.isAll) fill()
  else part.append(button('Show every way', fill))
  return part
}

function targetParts() {
  const open = reachers.filter(({ isExpected }) => !isExpected).length
  const folded = reachers.length - open
  return [
    el('p', {}, [
      `${open.toLocaleString('en')} can eventually become or reach it, and ${folded.toLocaleString('en')} more by what Kubernetes itself ships and expects.`,
    ]),
    el('p', { class: 'dim' }, [
      'Choose somebody in the graph: the way is shown step by step, each with the binding that gives it and the edit that takes it away.',
    ]),
  ]
}

function fillTargets() {
  const nodes = [...new Set([...data.sinks, ways.target])]
  byId('targets').replaceChildren(
    ...nodes.map(node => {
      const choice = button(nodeText(node), () => aimAt(node))
      choice.setAttribute('aria-pressed', String(node === ways.target))
      return choice
    }),
  )
}

// Shown before anything is drawn: what is not shown has no width to fit into.
document.documentElement.classList.add('ready')
addFilters(() => {
  wanted = undefined
  redraw()
  choose(ways.target)
})
addTable(showInGraph)
fillTargets()
redraw()
choose(ways.target)
