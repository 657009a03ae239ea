/** All that the HTML page of a review has to know, as one JSON value: counts as in `--json`, names as they may be shown. */
import type { Edit, Finding, NodeId, Severity } from '../../finding.ts'
import type { Grant } from '../../grant.ts'
import { objectText } from '../../moves/facts.ts'
import { docsPageOf } from '../../moves/move.ts'
import { moveOf } from '../../moves/table.ts'
import type { BindingObject, Place } from '../../objects.ts'
import { type Review, reachersOf } from '../../review.ts'
import { isSuppressed, isWithin, type Report, summaryOf } from '../report.ts'
import { type GraphData, type NodeIndex, type Numbered, numberedGraph } from './graph-data.ts'

/** Who asked what, and when: nothing of it is in the objects. */
export interface PageContext {
  /** Where the objects came from, in words. */
  readonly from: string
  /** RFC 3339. */
  readonly at: string
  /** What limits the findings, as it was asked; empty: nothing. */
  readonly limits: readonly string[]
  /** Whatever else has to be said before the findings. */
  readonly remarks: readonly string[]
  /** A name, or a sentence with names, without characters that make somebody see something else. */
  readonly shown: (text: string) => string
}

export interface PageMove {
  readonly title: string
  readonly can: string
  readonly why: string
  readonly close: string
  /** Path of its page. */
  readonly page: string
}

export interface PageEdit {
  readonly object: string
  readonly sentence: string
  /** YAML; null: there is none, or `isCut`. */
  readonly patch: string | null
  /** There is one, and it is left out: of many findings the worst have theirs. */
  readonly isCut: boolean
}

export interface PageFinding {
  readonly move: string
  readonly severity: Severity
  readonly subject: NodeIndex
  readonly namespace: string | null
  readonly sentence: string
  /** Places in `edges`, to the worst that it leads to. */
  readonly path: readonly number[]
  readonly targets: readonly NodeIndex[]
  readonly perhaps: readonly NodeIndex[]
  /** Places in `grants`. */
  readonly grants: readonly number[]
  /** Places in `edits`. */
  readonly edits: readonly number[]
  /** Why it is folded; null: it is open. */
  readonly folded: 'expected' | 'suppressed' | 'within' | null
  /** Why somebody accepts it, and until when; null: nobody does, or it is expected. */
  readonly accepted: string | null
}

export interface PageProblem {
  readonly code: string
  readonly place: string
  readonly object: string
  readonly message: string
  readonly unread: number
}

export interface PageData extends GraphData {
  readonly from: string
  readonly at: string
  readonly limits: readonly string[]
  readonly remarks: readonly string[]
  /** As in `--json`, of the findings that were asked for. */
  readonly summary: Report['summary']
  /** Identities that can eventually be cluster-admin, of the whole review. */
  readonly admins: { readonly open: number; readonly expected: number }
  readonly problems: readonly PageProblem[]
  readonly moves: Readonly<Record<string, PageMove>>
  readonly grants: readonly string[]
  readonly edits: readonly PageEdit[]
  /** Those that were asked for, the worst first, and then all others, which ways may lead over. */
  readonly findings: readonly PageFinding[]
  readonly asked: number
  readonly sinks: readonly NodeIndex[]
}

const sinks: readonly NodeId[] = ['sink:cluster-admin', 'sink:system-masters', 'sink:all-secrets', 'sink:node']

/** Of all YAML in a page, in characters: a page of a big cluster shall open. */
const mostPatchText = 3_000_000

export function pageDataOf(review: Review, asked: readonly Finding[], context: PageContext): PageData {
  const { shown } = context
  const { problems } = review.facts.objects
  const isAsked = new Set(asked)
  const findings = [...asked, ...review.findings.filter(one => !isAsked.has(one))]
  const graph = numberedGraph(review.graph, findings, shown)
  const tables = { graph, grants: createGrants(shown), edits: createEdits(shown), shown }
  const entries = findings.map(one => findingEntry(one, tables))
  const admins = reachersOf(review, 'sink:cluster-admin')
  const expected = admins.filter(({ isExpected }) => isExpected).length
  const sinkIndexes = sinks.map(graph.nodeIndex)
  return {
    from: shown(context.from),
    at: context.at,
    limits: context.limits.map(shown),
    remarks: context.remarks.map(shown),
    summary: summaryOf(review, asked),
    admins: { open: admins.length - expected, expected },
    problems: problems.map(({ code, place, object = '', message, unread = 0 }) => ({
      code,
      place: shown(atText(place)),
      object: shown(object),
      message: shown(message),
      unread,
    })),
    moves: movesIn(graph, findings),
    nodes: graph.nodes,
    edges: graph.edges,
    grants: tables.grants.values,
    edits: tables.edits.values,
    findings: entries,
    asked: asked.length,
    sinks: sinkIndexes,
  }
}

const atText = ({ source, line }: Place): string => (line === undefined ? source : `${source}:${line}`)

function movesIn({ edges }: GraphData, findings: readonly Finding[]): Record<string, PageMove> {
  const used = new Set([...edges.map(([, , move]) => move), ...findings.map(({ move }) => move)])
  return Object.fromEntries(
    [...used].sort().flatMap(id => {
      const move = moveOf(id)
      if (move === undefined) return []
      const { title, can, why, close } = move
      return [[id, { title, can, why, close, page: docsPageOf(id) }] as const]
    }),
  )
}

interface Table<Item> {
  readonly add: (item: Item) => number
}

interface Tables {
  readonly graph: Numbered
  readonly grants: Table<Grant>
  readonly edits: Table<Edit>
  readonly shown: (text: string) => string
}

function findingEntry(finding: Finding, { graph, grants, edits, shown }: Tables): PageFinding {
  const { move, severity, subject, namespace, targets, perhaps, suppressed } = finding
  return {
    move,
    severity,
    subject: graph.nodeIndex(subject),
    namespace: namespace === undefined ? null : shown(namespace),
    sentence: shown(finding.sentence),
    // Being oneself is no step: a graph has no such edge.
    path: finding.path.filter(({ from, to }) => from !== to).map(graph.edgeIndex),
    targets: targets.map(graph.nodeIndex),
    perhaps: perhaps.map(graph.nodeIndex),
    grants: finding.grants.map(grants.add),
    edits: finding.edits.map(edits.add),
    folded: foldedOf(finding),
    accepted:
      suppressed !== undefined && isSuppressed(finding)
        ? shown(`${suppressed.reason}, until ${suppressed.expires}`)
        : null,
  }
}

function foldedOf(finding: Finding): PageFinding['folded'] {
  if (finding.isExpected) return 'expected'
  if (isSuppressed(finding)) return 'suppressed'
  return isWithin(finding) ? 'within' : null
}

function createGrants(shown: (text: string) => string): Table<Grant> & { readonly values: readonly string[] } {
  const values: string[] = []
  const places = new Map<string, number>()
  // Of each binding by rule: of a big cluster's grants most come again, and a text is slower than a look.
  const known = new Map<BindingObject, number[]>()
  return {
    values,
    add: ({ binding, role, ruleIndex }) => {
      const rules = known.get(binding) ?? []
      known.set(binding, rules)
      rules[ruleIndex] ??= placeOf(
        `${objectText(binding)} gives ${objectText(role)}, rule ${ruleIndex + 1} (${atText(binding.place)})`,
      )
      return rules[ruleIndex]
    },
  }

  function placeOf(text: string): number {
    const place = places.get(text) ?? values.push(shown(text)) - 1
    places.set(text, place)
    return place
  }
}

function createEdits(shown: (text: string) => string): Table<Edit> & { readonly values: readonly PageEdit[] } {
  const values: PageEdit[] = []
  const places = new Map<string, number>()
  const known = new Map<Edit, number>()
  let left = mostPatchText
  return {
    values,
    add: edit => {
      const place = known.get(edit) ?? placeOf(edit)
      known.set(edit, place)
      return place
    },
  }

  function placeOf({ object, sentence, patch }: Edit): number {
    const key = JSON.stringify([object, sentence, patch])
    const known = places.get(key)
    if (known !== undefined) return known
    const isCut = patch !== undefined && patch.length > left
    if (patch !== undefined && !isCut) left -= patch.length
    values.push({
      object: shown(object),
      sentence: shown(sentence),
      patch: patch === undefined || isCut ? null : patch,
      isCut,
    })
    places.set(key, values.length - 1)
    return values.length - 1
  }
}
