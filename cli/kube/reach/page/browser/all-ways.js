/** Every way from somebody to something, as `kube review --to … --subject …` finds them: without a cycle, the shortest first. */
import { data, edgeAt } from './data.js'
import { edgesFrom, waysTo } from './ways.js'

/**
 * One length after the other: whichever bound is met, what is shorter has been found.
 * @param {number} from
 * @param {number} target
 * @returns {{ readonly paths: readonly number[][], readonly bound?: 'steps' | 'paths' }}
 */
export function allWays(from, target) {
  const { maxSteps, maxPaths } = data.bounds
  const ways = waysTo(target)
  const shortest = ways.distance(from)
  /** @type {number[][]} */
  const paths = []
  if (shortest === undefined) return { paths }
  let isCut = false
  let length = shortest
  for (; length <= maxSteps && paths.length <= maxPaths; length++) walk(from, [], length)
  if (paths.length > maxPaths) return { paths: paths.slice(0, maxPaths), bound: 'paths' }
  return isCut ? { paths, bound: 'steps' } : { paths }

  /** @param {number} node @param {readonly number[]} path @param {number} left */
  function walk(node, path, left) {
    if (paths.length > maxPaths) return
    if (node === target && left === 0) paths.push([...path])
    for (const place of node === target ? [] : (edgesFrom[node] ?? []))
      if (isFurther(place, path)) go(place, path, left)
  }

  /** @param {number} place @param {readonly number[]} path @param {number} left */
  function go(place, path, left) {
    const [, to, , cost] = edgeAt(place)
    const rest = ways.distance(to)
    if (rest === undefined) return
    if (cost + rest <= left) walk(to, [...path, place], left - cost)
    else isCut = isCut || length === maxSteps
  }

  /** Not back to where it was; and what counts at the start of a way alone is no later step. @param {number} place @param {readonly number[]} path */
  function isFurther(place, path) {
    const [, to, , , , , isStart] = edgeAt(place)
    return (isStart === 0 || path.length === 0) && to !== from && path.every(one => edgeAt(one)[1] !== to)
  }
}

/** @param {{ readonly paths: readonly number[][], readonly bound?: 'steps' | 'paths' }} found */
export function boundText({ paths, bound }) {
  const { maxSteps, maxPaths } = data.bounds
  const many = `${paths.length} ${paths.length === 1 ? 'way' : 'ways'}`
  if (bound === 'paths') return `${many}: there are more, at most ${maxPaths} are shown.`
  return bound === 'steps'
    ? `${many}: there may be longer ones, at most ${maxSteps} steps are followed.`
    : `${many}: these are all.`
}
