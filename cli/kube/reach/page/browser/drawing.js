/** The graph as SVG, in a box that scrolls: to be clicked, dragged, and walked with the arrow keys. */
import { data, edgeAt, nodeText } from './data.js'
import { button, byId, svg } from './dom.js'
import { boxHeight, labelOf, layoutOf } from './layout.js'

/** @typedef {import('./layout.js').Layout} Layout */

const margin = 12

const box = byId('graph')
/** @type {Map<number, SVGGElement>} */
let boxes = new Map()
/** @type {{ readonly from: number, readonly to: number, readonly parts: readonly SVGElement[] }[]} */
let lines = []
/** @type {Layout | undefined} */
let layout
let zoom = 1

/**
 * @param {readonly { readonly node: number, readonly path: readonly number[] }[]} starts
 * @param {number} target
 * @param {(node: number) => void} onChoose
 */
export function draw(starts, target, onChoose) {
  layout = layoutOf(starts, target)
  boxes = new Map()
  lines = layout.links.map(lineOf)
  for (const [node, place] of layout.places) boxes.set(node, boxOf(node, place))
  const picture = svg('svg', { role: 'group', 'aria-label': `Ways to ${nodeText(target)}` }, [
    ...lines.flatMap(({ parts }) => parts),
    ...boxes.values(),
  ])
  picture.addEventListener('click', event => {
    const node = nodeAt(event.target)
    if (node !== undefined) onChoose(node)
  })
  picture.addEventListener('keydown', event => onKey(event, onChoose))
  box.replaceChildren(picture)
  boxes.get(target)?.setAttribute('tabindex', '0')
  fit()
  show(target)
}

/** @param {import('./layout.js').Link} link */
function lineOf({ from, to, place }) {
  const [start, end] = [layout?.places.get(from), layout?.places.get(to)]
  if (start === undefined || end === undefined) return { from, to, parts: [] }
  const [x1, y1, x2, y2] = [start.x + start.width, start.y + boxHeight / 2, end.x, end.y + boxHeight / 2]
  const middle = Math.max(x1 + 30, (x1 + x2) / 2)
  const line = svg('path', { d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`, class: 'line' })
  const move = edgeAt(place)[2]
  const label = data.moves[move] === undefined ? '' : move
  return { from, to, parts: [line, svg('text', { x: `${x1 + 5}`, y: `${y1 - 3}`, class: 'move' }, [label])] }
}

/** @param {number} node @param {import('./layout.js').Point} place */
function boxOf(node, { x, y, width }) {
  const text = nodeText(node)
  const kind = (data.nodes[node]?.id ?? '').split(':', 1)[0] ?? ''
  return svg(
    'g',
    {
      class: `node ${/^(sink|service-account|user|group)$/.test(kind) ? kind : 'set'}`,
      transform: `translate(${x} ${y})`,
      role: 'button',
      tabindex: '-1',
      'aria-label': text,
      'data-node': `${node}`,
    },
    [
      svg('title', {}, [text]),
      svg('rect', { width: `${width}`, height: `${boxHeight}`, rx: '5' }),
      svg('text', { x: '8', y: '15' }, [labelOf(node)]),
    ],
  )
}

/** @param {EventTarget | null} target */
function nodeAt(target) {
  const found = target instanceof Element ? target.closest('[data-node]') : null
  return found === null ? undefined : Number(found.getAttribute('data-node'))
}

/**
 * One way is shown by itself; nothing chosen: everything is.
 * @param {readonly import('./layout.js').Link[]} way
 * @param {number} chosen
 */
export function highlight(way, chosen) {
  const onWay = new Set([chosen, ...way.flatMap(({ from, to }) => [from, to])])
  const isWhole = way.length === 0
  for (const [node, element] of boxes) {
    element.classList.toggle('off', !isWhole && !onWay.has(node))
    element.classList.toggle('on', !isWhole && onWay.has(node))
    element.setAttribute('aria-pressed', String(node === chosen))
  }
  for (const { from, to, parts } of lines) {
    const isOn = way.some(link => link.from === from && link.to === to)
    for (const part of parts) {
      part.classList.toggle('on', isOn)
      part.classList.toggle('off', !isWhole && !isOn)
    }
  }
}

/** @param {number} node */
export const isDrawn = node => boxes.has(node)

/** Scrolls to it, and makes it the one that Tab comes to. @param {number} node */
export function show(node) {
  const place = layout?.places.get(node)
  if (place === undefined) return
  for (const element of boxes.values()) element.setAttribute('tabindex', '-1')
  boxes.get(node)?.setAttribute('tabindex', '0')
  box.scrollTop = (place.y + margin) * zoom - box.clientHeight / 2
  box.scrollLeft = (place.x + place.width / 2 + margin) * zoom - box.clientWidth / 2
}

/** @param {KeyboardEvent} event @param {(node: number) => void} onChoose */
function onKey(event, onChoose) {
  const node = nodeAt(event.target)
  if (node === undefined) return
  if (event.key === 'Enter' || event.key === ' ') {
    event.preventDefault()
    onChoose(node)
    return
  }
  const next = event.key.startsWith('Arrow') ? neighbour(node, event.key) : undefined
  if (next === undefined) return
  event.preventDefault()
  show(next)
  boxes.get(next)?.focus({ preventScroll: true })
}

/** @param {number} node @param {string} key */
function neighbour(node, key) {
  if (key === 'ArrowRight') return lines.find(({ from }) => from === node)?.to
  if (key === 'ArrowLeft') return lines.find(({ to }) => to === node)?.from
  const here = layout?.places.get(node)
  if (here === undefined) return undefined
  const sign = key === 'ArrowUp' ? -1 : 1
  const further = [...(layout?.places ?? [])].filter(([, { x, y }]) => x === here.x && (y - here.y) * sign > 0)
  return further.sort(([, one], [, other]) => (one.y - other.y) * sign)[0]?.[0]
}

/** @param {number} wanted */
function zoomTo(wanted) {
  const picture = box.firstElementChild
  if (layout === undefined || picture === null) return
  zoom = Math.min(2.5, Math.max(0.15, wanted))
  const [width, height] = [layout.width + 2 * margin, layout.height + 2 * margin]
  picture.setAttribute('viewBox', `${-margin} ${-margin} ${width} ${height}`)
  picture.setAttribute('width', `${width * zoom}`)
  picture.setAttribute('height', `${height * zoom}`)
}

/** As wide as there is room, and no smaller than can be read. */
function fit() {
  zoomTo(Math.max(0.55, Math.min(1.15, (box.clientWidth - 4) / ((layout?.width ?? 1) + 2 * margin))))
}

/** All of it at once, however small. */
function whole() {
  const [width, height] = [(layout?.width ?? 1) + 2 * margin, (layout?.height ?? 1) + 2 * margin]
  zoomTo(Math.min((box.clientWidth - 4) / width, (box.clientHeight - 4) / height))
}

byId('zoom').append(
  button('+', () => zoomTo(zoom * 1.25)),
  button('−', () => zoomTo(zoom / 1.25)),
  button('Readable', fit),
  button('All of it', whole),
)

/** Dragging scrolls; a touch screen does so by itself. */
box.addEventListener('pointerdown', event => {
  if (event.pointerType !== 'mouse' || event.button !== 0) return
  const [left, top] = [box.scrollLeft + event.clientX, box.scrollTop + event.clientY]
  /** @param {PointerEvent} moved */
  const move = moved => box.scrollTo(left - moved.clientX, top - moved.clientY)
  addEventListener('pointermove', move)
  addEventListener('pointerup', () => removeEventListener('pointermove', move), { once: true })
})
box.addEventListener(
  'wheel',
  event => {
    if (!event.ctrlKey && !event.metaKey) return
    event.preventDefault()
    zoomTo(zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1))
  },
  { passive: false },
)
