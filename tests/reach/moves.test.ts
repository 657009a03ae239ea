/** The catalogue of moves: each row against grants that make it and grants that come near, and each row broken on purpose. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { docsPageOf, type Move, type RightsMove } from '../../rbac/reach/moves/move.ts'
import { type Need, rightsIn } from '../../rbac/reach/moves/need.ts'
import { moveOf, moves } from '../../rbac/reach/moves/table.ts'
import { expanded, movesBy } from './witnesses.ts'

interface Witnesses {
  readonly yes: readonly string[]
  readonly no: readonly string[]
}

const path = fileURLToPath(new URL('witnesses.yaml', import.meta.url))
const catalogue = parse(readFileSync(path, 'utf8')) as Readonly<Record<string, Witnesses>>
const ofRights = moves.filter((move): move is RightsMove => 'needs' in move)

const yesOf = (id: string): string[] => (catalogue[id]?.yes ?? []).flatMap(expanded)
const noOf = (id: string): string[] => (catalogue[id]?.no ?? []).flatMap(expanded)
const makes = (text: string, move: Move): boolean => movesBy(text, [move]).length > 0

/** What a row says of its witnesses. */
const wrong = (move: Move): readonly string[] => [
  ...yesOf(move.id).filter(text => !makes(text, move)),
  ...noOf(move.id).filter(text => makes(text, move)),
]

describe('the table of moves', () => {
  test('has every id once, and a page for each', () => {
    const ids = moves.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.map(docsPageOf).every(page => /^docs\/reach\/moves\/(ID|WL|RB|CP)\d\d\.md$/.test(page))).toBe(true)
    expect(
      [...'ID:19 WL:19 RB:09 CP:10'.matchAll(/(\w+):(\d+)/g)].flatMap(([, family, last]) =>
        Array.from({ length: Number(last) }, (_, at) => `${family}${String(at + 1).padStart(2, '0')}`).filter(
          id => !ids.includes(id),
        ),
      ),
    ).toEqual([])
  })

  test('has witnesses for every move that rights make', () => {
    expect(Object.keys(catalogue).sort()).toEqual(ofRights.map(({ id }) => id).sort())
  })

  test.each(ofRights.map(move => [move.id, move] as const))(
    '%s is made by what makes it, and by nothing near',
    (_, move) => {
      expect(wrong(move)).toEqual([])
    },
  )

  test('servers before 1.35 open streams for get', () => {
    for (const [id, resource] of [
      ['WL05', 'exec'],
      ['WL06', 'attach'],
      ['WL08', 'portforward'],
    ] as const) {
      const move = moveOf(id) as Move
      expect(movesBy(`get pods/${resource} @payments`, [move], '1.34')).toHaveLength(1)
      expect(movesBy(`get pods/${resource} @payments`, [move], 'v1.35.1')).toHaveLength(0)
      expect(movesBy(`get pods/${resource} @payments`, [move])).toHaveLength(0)
    }
  })
})

/** Each way to break a need: a verb less, another group, a part or a choice less. */
function mutants(need: Need): Need[] {
  if ('right' in need) {
    const { right } = need
    if (right.matches !== undefined) return []
    return [
      ...(right.verbs.length > 1
        ? right.verbs.map(verb => ({ right: { ...right, verbs: right.verbs.filter(one => one !== verb) } }))
        : [{ right: { ...right, verbs: ['nothing'] } }]),
      ...(right.paths === undefined
        ? [{ right: { ...right, group: 'other.example' } }]
        : right.paths.map(one => ({ right: { ...right, paths: (right.paths ?? []).filter(path => path !== one) } }))),
      ...(right.group === '' || right.paths !== undefined ? [] : [{ right: { ...right, group: '' } }]),
      ...(right.names === undefined ? [] : [{ right: { ...right, names: () => true } }]),
    ]
  }
  const parts = 'all' in need ? need.all : need.any
  const made = (list: readonly Need[]): Need => ('all' in need ? { all: list } : { any: list })
  return [
    ...(parts.length > 1 ? parts.map((_, at) => made(parts.filter((_part, other) => other !== at))) : []),
    ...parts.flatMap((part, at) =>
      mutants(part).map(mutant => made(parts.map((one, other) => (other === at ? mutant : one)))),
    ),
  ]
}

/** Rights that a RoleBinding must not give, given by it; where the row says so too, the row as well. */
function unbound(need: Need, isOnce: boolean): Need[] {
  if ('right' in need)
    return need.right.isOfCluster && need.right.paths === undefined
      ? [{ right: { ...need.right, isOfCluster: false } }]
      : []
  const parts = 'all' in need ? need.all : need.any
  const made = (list: readonly Need[]): Need => ('all' in need ? { all: list } : { any: list })
  if (!isOnce) return [made(parts.map(part => unbound(part, false)[0] ?? part))]
  return parts.flatMap((part, at) =>
    unbound(part, true).map(mutant => made(parts.map((one, other) => (other === at ? mutant : one)))),
  )
}

/** Whether a row that is broken still says the same of every witness; RB01 and RB02 say by their severity which half is held. */
const sayings = (move: RightsMove): string =>
  [...yesOf(move.id), ...noOf(move.id)]
    .flatMap(text =>
      (rightsIn(move.needs).some(({ before }) => before !== undefined) ? [undefined, '1.34'] : [undefined]).map(
        version => movesBy(text, [move], version),
      ),
    )
    .map(found => found.map(({ namespace, severity, to }) => `${namespace} ${severity} ${to}`).join(';'))
    .join('\n')

describe('a row that is broken', () => {
  test.each(ofRights.map(move => [move.id, move] as const))('%s: every mutant is seen by a witness', (_, move) => {
    const before = sayings(move)
    const broken: RightsMove[] = [
      ...mutants(move.needs).map(needs => ({ ...move, needs })),
      ...(move.scope === 'cluster'
        ? unbound(move.needs, false).map(needs => ({ ...move, needs, scope: 'namespaced' as const }))
        : unbound(move.needs, true).map(needs => ({ ...move, needs }))),
      ...(move.without === undefined ? [] : mutants(move.without).map(without => ({ ...move, without }))),
    ]
    const survivors = broken
      .filter(mutant => sayings(mutant) === before)
      .map(({ needs, without }) => JSON.stringify({ needs, without }))
    expect(survivors).toEqual([])
  })
})
