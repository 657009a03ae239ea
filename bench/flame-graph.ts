/** A V8 CPU profile as a tree of frames, as a table of self times, and as a page that needs no network. */
import { pathToFileURL } from 'node:url'

/** What `node --cpu-prof` writes (the Profile type of the Chrome DevTools protocol), as far as it is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
    readonly children?: readonly number[]
  }[]
  /** Ids of nodes, and microseconds since the sample before. */
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface Frame {
  readonly label: string
  selfUs: number
  totalUs: number
  readonly children: Frame[]
}

/** Time in which nothing ran is left out. Children with the most time first. */
export function readFrames({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const selfUs = new Map<number, number>()
  samples.forEach((id, at) => {
    // A sample stands for the time until the next one.
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, timeDeltas[at + 1] ?? 0))
  })
  const byId = new Map(nodes.map(node => [node.id, node]))
  const build = (id: number): Frame | undefined => {
    const node = byId.get(id)
    if (node === undefined || node.callFrame.functionName === '(idle)') return undefined
    const children = (node.children ?? []).flatMap(child => build(child) ?? [])
    const self = node.callFrame.functionName === '(root)' ? 0 : (selfUs.get(id) ?? 0)
    const totalUs = children.reduce((sum, child) => sum + child.totalUs, self)
    children.sort((left, right) => right.totalUs - left.totalUs)
    return { label: labelOf(node.callFrame), selfUs: self, totalUs, children }
  }
  const root = nodes[0] === undefined ? undefined : build(nodes[0].id)
  if (root === undefined) throw new Error('the profile holds no frames')
  return root
}

const here = `${pathToFileURL(process.cwd()).href}/`

function labelOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name} ${url.replace(here, '')}:${lineNumber + 1}`
}

/** Each function once, wherever it was called from, the most time first. */
export function selfTimes(root: Frame): readonly Pick<Frame, 'label' | 'selfUs'>[] {
  const sums = new Map<string, number>()
  const visit = ({ label, selfUs, children }: Frame): void => {
    sums.set(label, (sums.get(label) ?? 0) + selfUs)
    for (const child of children) visit(child)
  }
  visit(root)
  return [...sums].map(([label, selfUs]) => ({ label, selfUs })).sort((left, right) => right.selfUs - left.selfUs)
}

const width = 1_600
const rowHeight = 18
/** Narrower frames cannot be seen or clicked. */
const narrowest = 0.5

/** One HTML file: an SVG with a title on each frame; a click widens a frame, a click on the lowest goes back. */
export function flameGraph(root: Frame, title: string): string {
  const boxes: string[] = []
  let deepest = 0
  const draw = (frame: Frame, left: number, depth: number): void => {
    const wide = (frame.totalUs / root.totalUs) * width
    if (wide < narrowest) return
    deepest = Math.max(deepest, depth)
    boxes.push(boxOf(frame, { left, wide, depth, share: frame.totalUs / root.totalUs }))
    let childLeft = left
    for (const child of frame.children) {
      draw(child, childLeft, depth + 1)
      childLeft += (child.totalUs / root.totalUs) * width
    }
  }
  draw(root, 0, 0)
  const height = (deepest + 1) * rowHeight
  return page(
    title,
    `<svg viewBox="0 0 ${width} ${height}" width="100%" height="${height}" preserveAspectRatio="none">
${boxes.join('\n')}
</svg>`,
  )
}

interface Box {
  readonly left: number
  readonly wide: number
  readonly depth: number
  readonly share: number
}

function boxOf({ label, totalUs, selfUs }: Frame, { left, wide, depth, share }: Box): string {
  const times = `${(totalUs / 1_000).toFixed(1)} ms (${(share * 100).toFixed(1)} %), self ${(selfUs / 1_000).toFixed(1)} ms`
  const size = `x="${left.toFixed(2)}" y="${depth * rowHeight}" width="${wide.toFixed(2)}" height="${rowHeight - 1}"`
  return (
    `<svg ${size} class="frame"><title>${escaped(`${label}\n${times}`)}</title>` +
    `<rect width="100%" height="100%" fill="${colourOf(label)}"/><text x="3" y="13">${escaped(label)}</text></svg>`
  )
}

/** The product's own code, its packages, Node and the engine, so that the eye finds them. */
function colourOf(label: string): string {
  if (label.includes('node_modules/')) return '#e8b55c'
  if (label.includes(' dist/') || label.includes(' file:')) return '#e07a5f'
  if (label.includes(' node:')) return '#9cc5a1'
  return '#b8b8c4'
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, character => `&#${character.codePointAt(0)?.toString() ?? ''};`)

const page = (title: string, svg: string): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>
<style>
body { font: 13px system-ui, sans-serif; margin: 12px }
svg text { font: 11px ui-monospace, monospace; pointer-events: none }
.frame { cursor: pointer; overflow: hidden }
b { padding: 1px 6px }
</style>
<h1>${escaped(title)}</h1>
<p>A frame is as wide as its processor time; below it is what it called. Click to widen, click the topmost to go back.
<b style="background:#e07a5f">Sallyport</b> <b style="background:#e8b55c">packages</b>
<b style="background:#9cc5a1">Node</b> <b style="background:#b8b8c4">engine</b></p>
${svg}
<script>
const frames = [...document.querySelectorAll('.frame')].map(box => ({
  box, x: Number(box.getAttribute('x')), w: Number(box.getAttribute('width')), y: Number(box.getAttribute('y')),
}))
for (const one of frames) one.box.addEventListener('click', () => widen(one))
function widen({ x, w, y }) {
  const scale = ${width} / w
  for (const one of frames) {
    const isAncestor = one.y < y && one.x <= x + 0.01 && one.x + one.w >= x + w - 0.01
    const left = isAncestor ? 0 : (one.x - x) * scale
    const wide = isAncestor ? ${width} : one.w * scale
    const isSeen = isAncestor || (one.y >= y && left > -0.01 && left < ${width} - 0.01)
    one.box.style.display = isSeen ? '' : 'none'
    one.box.setAttribute('x', left)
    one.box.setAttribute('width', Math.max(0, wide))
  }
}
</script>
</html>
`
