/** All that the HTML page of a review has to know, as one JSON value: counts as in `--json`, names as they may be shown. */
import { type Edit, type Finding, type NodeId, type Severity, severities } from '../../finding.ts'
import type { Grant } from '../../grant.ts'
import type { PathBounds } from '../../graph/walk.ts'
import { objectText } from '../../moves/facts.ts'
import { docsPageOf } from '../../moves/move.ts'
import { moveOf } from '../../moves/table.ts'
import type { BindingObject, Place } from '../../objects.ts'
import { type Review, reachersOf } from '../../review.ts'
import type { Baseline, Changes } from '../baseline.ts'
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
  /** Everything is shown from the beginning: what is folded, and every way of whoever is chosen. */
  readonly isAll: boolean
  /** Of the ways that are followed. */
  readonly bounds: PathBounds
  /** The review of before, and what is different; absent: there is none. */
  readonly since?: { readonly baseline: Baseline; readonly changes: Changes }
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
  /** Since the baseline; absent: it is not, or there is none. */
  readonly isNew?: true
}

/** A finding of before that is not there any more. */
export interface PageGone {
  readonly severity: Severity
  readonly move: string
  readonly sentence: string
}

/** As `changes` in `--json`, counted. */
export interface PageSince {
  readonly new: number
  /** The worst of them. */
  readonly gone: readonly PageGone[]
  readonly goneCount: number
  readonly folded: number
  readonly unchanged: number
  /** Something was not read: what is gone may be there. */
  readonly isPartial: boolean
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
  readonly isAll: boolean
  readonly bounds: PathBounds
  /** null: there is no baseline. */
  readonly since: PageSince | null
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
  const fresh = new Set(context.since?.changes.new)
  const entries = findings.map(one => ({
    ...findingEntry(one, tables),
    ...(fresh.has(one.id) && { isNew: true as const }),
  }))
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
    isAll: context.isAll,
    bounds: context.bounds,
    since: context.since === undefined ? null : sinceOf(context.since, problems.length > 0, shown),
  }
}

const mostGone = 500

function sinceOf(
  { baseline, changes }: NonNullable<PageContext['since']>,
  isPartial: boolean,
  shown: (text: string) => string,
): PageSince {
  const gone = changes.gone.flatMap(id => baseline.findings.get(id) ?? [])
  const worst = gone.toSorted((one, other) => severities.indexOf(other.severity) - severities.indexOf(one.severity))
  return {
    new: changes.new.length,
    gone: worst.slice(0, mostGone).map(({ severity, move, sentence }) => ({
      ...{ severity, move: shown(move), sentence: shown(sentence) },
    })),
    goneCount: gone.length,
    folded: changes.folded.length,
    unchanged: changes.unchanged,
    isPartial,
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
