/** Where nodes stand: a column for each edge on the way to the target, which is on the right. The same for the same ways. */
import { edgeAt, nodeText } from './data.js'
import { shortened } from './dom.js'
import { toldSteps } from './ways.js'

export const boxHeight = 22
const gap = 72
/** Of a letter, on average; what is longer than `longestLabel` is cut. */
const letterWidth = 6.6
const longestLabel = 42
const rowHeight = boxHeight + 8

/** @typedef {{ readonly from: number, readonly to: number, readonly place: number }} Link */
/** @typedef {{ readonly x: number, readonly y: number, readonly width: number }} Point */
/** @typedef {{ places: Map<number, Point>, links: Link[], width: number, height: number }} Layout */

/** What stands in the box of a node. @param {number} node */
export const labelOf = node => shortened(nodeText(node).replace(/^service account /, ''), longestLabel)

/**
 * What is drawn of a way: steps that nobody tells are passed over.
 * @param {number} start
 * @param {readonly number[]} path
 * @returns {Link[]}
 */
export function linksOf(start, path) {
  let from = start
  return toldSteps(path).map(place => {
    const link = { from, to: edgeAt(place)[1], place }
    from = link.to
    return link
  })
}

/**
 * @param {readonly { readonly node: number, readonly path: readonly number[] }[]} starts
 * @param {number} target
 * @returns {Layout}
 */
export function layoutOf(starts, target) {
  /** @type {Map<string, Link>} */
  const links = new Map()
  for (const { node, path } of starts)
    for (const link of linksOf(node, path)) {
      const key = `${link.from} ${link.to} ${edgeAt(link.place)[2]}`
      if (!links.has(key)) links.set(key, link)
    }
  const { columns, children } = treeOf([...links.values()], target)
  const deepest = Math.max(0, ...columns.values())
  const widths = Array.from({ length: deepest + 1 }, () => 0)
  for (const [node, column] of columns)
    widths[column] = Math.max(widths[column] ?? 0, labelOf(node).length * letterWidth + 18)
  /** @param {number} column */
  const leftOf = column => widths.slice(column + 1).reduce((sum, width) => sum + width + gap, 0)
  /** @type {Map<number, Point>} */
  const places = new Map()
  let row = 0
  /** @param {number} node @returns {number} */
  const put = node => {
    const column = columns.get(node) ?? 0
    const below = (children.get(node) ?? []).map(put)
    const [first, last] = [below[0], below.at(-1)]
    const y = first === undefined || last === undefined ? row++ * rowHeight : (first + last) / 2
    places.set(node, { x: leftOf(column), y, width: widths[column] ?? 0 })
    return y
  }
  put(target)
  return {
    places,
    links: [...links.values()],
    width: leftOf(0) + (widths[0] ?? 0),
    height: Math.max(1, row) * rowHeight - 8,
  }
}

/**
 * Each node below the first one that it leads to on a shortest way.
 * @param {readonly Link[]} links
 * @param {number} target
 */
function treeOf(links, target) {
  /** @type {Map<number, number[]>} */
  const before = new Map()
  for (const { from, to } of links) before.set(to, [...(before.get(to) ?? []), from])
  const columns = new Map([[target, 0]])
  /** @type {Map<number, number[]>} */
  const children = new Map()
  const queue = [target]
  for (let at = 0; at < queue.length; at++) {
    const node = queue[at] ?? target
    const found = [...new Set(before.get(node) ?? [])].filter(one => !columns.has(one)).sort(byText)
    children.set(node, found)
    for (const one of found) {
      columns.set(one, (columns.get(node) ?? 0) + 1)
      queue.push(one)
    }
  }
  return { columns, children }
}

/** @param {number} one @param {number} other */
function byText(one, other) {
  const [left, right] = [nodeText(one), nodeText(other)]
  return left < right ? -1 : left > right ? 1 : one - other
}
