/** The shortest ways of everybody to one node, as the command finds them: backwards, edges without cost first. */
import { data, edgeAt, expectedMoves, isSubject } from './data.js'

/** @type {number[][]} */
const edgesTo = data.nodes.map(() => [])
/** Those for starts alone among them. @type {number[][]} */
export const edgesFrom = data.nodes.map(() => [])
for (const [at, [from, to, , , , , isStart]] of data.edges.entries()) {
  if (isStart === 0) edgesTo[to]?.push(at)
  edgesFrom[from]?.push(at)
}

/**
 * @typedef {object} Ways
 * @property {number} target
 * @property {(from: number) => number | undefined} distance steps; undefined for whoever has no way
 * @property {(from: number, firsts?: readonly number[]) => number[] | undefined} path edges; `firsts`: it begins with one of these
 */

/**
 * @param {number} target
 * @returns {Ways}
 */
export function waysTo(target) {
  /** @type {Map<number, number>} */
  const distances = new Map([[target, 0]])
  /** @type {Map<number, number>} */
  const next = new Map()
  let level = [target]
  for (let distance = 0; level.length > 0; distance++) {
    /** @type {number[]} */
    const further = []
    // Grows while it is walked: whoever is as near, by an edge without cost.
    const here = level.filter(node => distances.get(node) === distance)
    for (let at = 0; at < here.length; at++)
      for (const place of edgesTo[here[at] ?? -1] ?? []) {
        const [from, , , cost] = edgeAt(place)
        const known = distances.get(from)
        if (known !== undefined && known <= distance + cost) continue
        distances.set(from, distance + cost)
        next.set(from, place)
        ;(cost === 0 ? here : further).push(from)
      }
    level = further
  }

  /** @param {number} place */
  const farBy = place => {
    const [, to, , cost] = edgeAt(place)
    return (distances.get(to) ?? Number.POSITIVE_INFINITY) + cost
  }

  /** @param {number} from */
  function startOf(from) {
    let nearest = distances.get(from) ?? Number.POSITIVE_INFINITY
    let found
    for (const place of edgesFrom[from] ?? []) {
      if (edgeAt(place)[6] !== 1 || farBy(place) >= nearest) continue
      nearest = farBy(place)
      found = place
    }
    return found
  }

  /** @param {number} from */
  function distance(from) {
    const start = startOf(from)
    return start === undefined ? distances.get(from) : farBy(start)
  }

  /** @param {number} from */
  function follow(from) {
    const path = []
    for (let node = from; node !== target; ) {
      const place = next.get(node)
      if (place === undefined) return undefined
      path.push(place)
      node = edgeAt(place)[1]
    }
    return path
  }

  /** @param {number} from @param {readonly number[]} [firsts] */
  function path(from, firsts) {
    if (firsts === undefined) {
      const start = startOf(from)
      const rest = follow(start === undefined ? from : edgeAt(start)[1])
      return rest === undefined || start === undefined ? rest : [start, ...rest]
    }
    const inOrder = [...firsts].sort((one, other) => farBy(one) - farBy(other))
    for (const first of inOrder) {
      const rest = follow(edgeAt(first)[1])
      // A way that comes back is that of another move.
      if (rest?.every(place => edgeAt(place)[1] !== from)) return [first, ...rest]
    }
    return undefined
  }

  return { target, distance, path }
}

/** Edges that a finding says. @param {number} finding */
export function edgesOf(finding) {
  const subject = data.findings[finding]?.subject ?? -1
  return (edgesFrom[subject] ?? []).filter(place => edgeAt(place)[4] === finding)
}

/**
 * Whoever can get there; `isExpected`: by the roles of Kubernetes itself alone, judged by the first right on the way.
 * @param {Ways} ways
 */
export function reachersOf(ways) {
  return data.nodes.flatMap((_, node) => {
    if (!isSubject(node) || node === ways.target || ways.distance(node) === undefined) return []
    const path = ways.path(node) ?? []
    if (path.length === 0) return []
    const first = path.find(place => edgeAt(place)[5] === 1)
    const isExpected = first === undefined || expectedMoves.has(`${node} ${edgeAt(first)[2]}`)
    return [{ node, path, isExpected }]
  })
}

/** From every account to those of a namespace to one of them is one step to whoever reads it. @param {readonly number[]} path */
export const toldSteps = path =>
  path.filter((place, at) => {
    const after = path[at + 1]
    return edgeAt(place)[2] !== 'is one of them' || after === undefined || edgeAt(after)[2] !== 'is one of them'
  })
