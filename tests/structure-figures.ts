/**
 * `npm run structure [-- --root <checkout>] [<folder>…]`: how a folder is built, in three figures, from its imports.
 *
 * A room is a file or a folder that stands directly in it; an arrow leads from a room to another one that it imports,
 * types included; a room stands one floor above the highest room that it imports (rooms that import each other share one).
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

interface Module {
  readonly source: string
  readonly dependencies: readonly { readonly resolved: string }[]
}

const own = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { root: { type: 'string', default: own } },
})

for (const folder of positionals.length === 0 ? ['app', 'rbac', 'config', 'cli'] : positionals) {
  const { rooms, arrows } = roomsOf(folder.replace(/\/+$/, ''), modulesOf(values.root, folder))
  const floors = Math.max(0, ...floorsOf(rooms, arrows).values())
  const count = [...arrows.values()].reduce((sum, targets) => sum + targets.size, 0)
  process.stdout.write(`${folder}: ${rooms.size} rooms, ${count} arrows, ${floors} floors\n`)
}

function modulesOf(root: string, folder: string): readonly Module[] {
  const program = join(own, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const args = [program, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', folder]
  const options = { cwd: root, maxBuffer: 64 * 1_024 * 1_024, encoding: 'utf8' } as const
  return (JSON.parse(execFileSync(process.execPath, args, options)) as { modules: Module[] }).modules
}

function roomsOf(folder: string, modules: readonly Module[]) {
  const roomOf = (path: string): string | undefined =>
    path.startsWith(`${folder}/`) ? path.slice(folder.length + 1).split('/')[0] : undefined
  const rooms = new Set<string>()
  const arrows = new Map<string, Set<string>>()
  for (const { source, dependencies } of modules) {
    const from = roomOf(source)
    if (from === undefined) continue
    rooms.add(from)
    for (const { resolved } of dependencies) {
      const to = roomOf(resolved)
      if (to === undefined || to === from) continue
      arrows.set(from, (arrows.get(from) ?? new Set()).add(to))
    }
  }
  return { rooms, arrows }
}

/** The floor of each room, from 1. */
function floorsOf(rooms: ReadonlySet<string>, arrows: ReadonlyMap<string, ReadonlySet<string>>): Map<string, number> {
  const reachable = new Map([...rooms].map(room => [room, reachableFrom(room, arrows)] as const))
  const isTogether = (one: string, other: string): boolean =>
    reachable.get(one)?.has(other) === true && reachable.get(other)?.has(one) === true
  const floors = new Map<string, number>()
  const floorOf = (room: string): number => {
    const known = floors.get(room)
    if (known !== undefined) return known
    const together = [...rooms].filter(other => other === room || isTogether(room, other))
    const below = together.flatMap(one => [...(arrows.get(one) ?? [])]).filter(other => !together.includes(other))
    const floor = 1 + Math.max(0, ...below.map(floorOf))
    for (const one of together) floors.set(one, floor)
    return floor
  }
  for (const room of rooms) floorOf(room)
  return floors
}

function reachableFrom(room: string, arrows: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const found = new Set<string>()
  const left = [room]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    for (const target of arrows.get(next) ?? []) {
      if (found.has(target)) continue
      found.add(target)
      left.push(target)
    }
  }
  return found
}
