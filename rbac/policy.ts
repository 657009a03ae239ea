/**
 * Policy sources -> an immutable snapshot: checked, compiled, indexed (docs/policy.md).
 */
import { type Model, newModelFromString } from 'casbin'
import { compileCasbin } from './casbin/compile.ts'
import { refuseOverlap } from './casbin/domains.ts'
import type { CasbinPolicy, CasbinTexts } from './casbin/sources.ts'
import { createEnforce, createStockEnforce, type Enforce } from './deciding/enforcer.ts'
import { keepAnswers } from './deciding/kept-answers.ts'
import { createNamesIn, type NamesIn } from './deciding/known-names.ts'
import { createVerdicts, type Verdicts } from './deciding/verdicts.ts'
import { createPartition, type Partition } from './partition.ts'
import { PolicyError, type Problem } from './policy-error.ts'
import { type PolicyTexts, parsePolicyRows } from './policy-rows.ts'
import { type AddRoles, createRoles, type RoleRow } from './roles.ts'
import type { Row } from './row.ts'
import type { Pause } from './slices.ts'

export { PolicyError } from './policy-error.ts'

export interface PolicySources extends PolicyTexts {
  /** Text of model.conf. */
  readonly model: string
  /** A model of its own, which decides about hosts of its own. */
  readonly casbin?: CasbinTexts | undefined
}

/** Immutable; every request is decided by one of them, whole. */
export interface PolicySnapshot {
  /** First 16 hexadecimal digits of SHA-256 over all sources. */
  readonly revision: string
  /** Number of `p` rows. */
  readonly rowCount: number
  /** What it takes in memory, an estimate that is rather too high. */
  readonly bytes: number
  /** Every domain pattern that a `p` row names, in order of load. */
  readonly domains: readonly string[]
  /** All `p` rows in order of load. */
  readonly rows: readonly Row[]
  /** All `g` rows in order of load. */
  readonly roles: readonly RoleRow[]
  readonly addRoles: AddRoles
  readonly namesIn: NamesIn
  readonly candidatesFor: Partition['candidatesFor']
  readonly narrow: Partition['narrow']
  readonly enforce: Enforce
  /** The same from a plain Casbin enforcer, which is slower: what the other is held against. */
  readonly stock: Enforce
  /** Decisions of this revision. */
  readonly verdicts: Verdicts
  /** What decides about the hosts that it covers, in place of all rows; absent where no such model was brought. */
  readonly casbin?: CasbinPolicy
}

export interface CompileOptions {
  /** Called after each slice of the work: lets the requests be decided that came meanwhile. Without it, all at once. */
  readonly pause?: Pause
}

/** Throws `PolicyError` with every problem of every source. */
export async function compilePolicy(sources: PolicySources, { pause }: CompileOptions = {}): Promise<PolicySnapshot> {
  const problems: Problem[] = []
  const model = parseModel(sources.model, problems)
  const { rows, roles } = await parsePolicyRows(sources, problems, pause)
  const casbin =
    sources.casbin && (await compileCasbin(sources.casbin, problems, { providers: sources.providers, pause }))
  if (casbin !== undefined) refuseOverlap(rows, casbin.domains, problems)
  if (problems.length > 0 || model === undefined) throw new PolicyError(problems)
  const partition = await createPartition(rows, pause)
  const addRoles = await createRoles(roles, pause)
  const revision = await digestOf(sources, pause)
  return Object.freeze({
    revision,
    verdicts: createVerdicts(revision),
    rowCount: rows.length + (casbin?.rows.length ?? 0),
    bytes: bytesOf(rows.length + roles.length + (casbin?.rows.length ?? 0), sources),
    domains: Object.freeze([...partition.domains, ...(casbin?.domains ?? [])]),
    rows: Object.freeze(rows),
    roles: Object.freeze(roles),
    addRoles,
    namesIn: createNamesIn(addRoles),
    candidatesFor: partition.candidatesFor,
    narrow: partition.narrow,
    enforce: await createEnforce(model),
    stock: await createStockEnforce(model),
    ...(casbin === undefined ? {} : { casbin: { ...casbin, decide: keepAnswers(casbin.decide) } }),
  })
}

/** Bytes of a row beside its text, which rows keep a part of (measured by `npm run bench -- policy`). */
const rowBytes = 1_024

function bytesOf(rowCount: number, { files, conditions, casbin }: PolicySources): number {
  const texts = [...files, ...[conditions ?? []].flat(), ...(casbin?.files ?? [])]
  return texts.reduce((sum, { text }) => sum + 2 * text.length, rowCount * rowBytes)
}

const requestDefinition = ['r_obj', 'r_act', 'r_ctx']
const policyDefinition = ['p_id', 'p_sub', 'p_obj', 'p_act', 'p_cond', 'p_eft']
const effectExpressions = [
  'some(where (p_eft == allow)) && !some(where (p_eft == deny))',
  'priority(p_eft) || deny',
  'some(where (p_eft == allow))',
]
const matcher = [
  'path(r_ctx, p_id, r_obj, p_obj)',
  'method(r_ctx, p_id, r_act, p_act)',
  'speaksFor(r_ctx, p_id, p_sub)',
  'when(r_ctx, p_id, p_cond)',
].join(' && ')

/**
 * Threat: a model that matches or allows more than its rows say, such as `!some(where (p.eft == deny))`, which admits
 * whatever no row speaks of. Definitions and matcher are what the rest of this folder is written for; the effect is
 * one of three.
 */
function parseModel(text: string, problems: Problem[]): Model | undefined {
  const report = (key: string, message: string): void => {
    const line = text.split('\n').findIndex(content => new RegExp(`^\\s*${key}\\s*=`).test(content)) + 1
    problems.push({ file: 'model.conf', line: Math.max(line, 1), column: 1, message })
  }
  const before = problems.length
  try {
    const model = newModelFromString(text)
    const assertion = (section: string) => model.model.get(section)?.get(section)
    const tight = (value: string | undefined): string => (value ?? '').replaceAll(/\s/g, '')
    const isOne = (value: string | undefined, known: readonly string[]): boolean =>
      known.map(tight).includes(tight(value))
    for (const [section, definitions] of model.model) {
      if (definitions.size !== 1) report(`${section}2`, `one definition of "${section}" is used, the others are not`)
    }
    if (!isOne(assertion('r')?.tokens.join(), [requestDefinition.join()])) report('r', 'expected r = obj, act, ctx')
    if (!isOne(assertion('p')?.tokens.join(), [policyDefinition.join()]))
      report('p', 'expected p = id, sub, obj, act, cond, eft')
    if (!isOne(assertion('m')?.value, [matcher])) report('m', `expected m = ${matcher.replaceAll(/\b([rp])_/g, '$1.')}`)
    const effect = effectExpressions.find(known => isOne(assertion('e')?.value, [known]))
    if (effect === undefined)
      report('e', `expected one of: ${effectExpressions.map(known => known.replaceAll('p_', 'p.')).join('; ')}`)
    // Casbin compares the text of the effect with its own spelling.
    const definition = assertion('e')
    if (definition !== undefined && effect !== undefined) definition.value = effect
    return problems.length === before ? model : undefined
  } catch (error) {
    report('', `Casbin cannot read the model: ${error instanceof Error ? error.message : 'unreadable'}`)
    return undefined
  }
}

/** A digest of digests: of the lengths of all sources, then of the pieces of their texts one after the other. */
async function digestOf(
  { model, files, conditions, casbin }: PolicySources,
  pause: Pause | undefined,
): Promise<string> {
  const texts = [conditions ?? []].flat().map(({ text }) => text)
  const parts = [
    model,
    String(texts.length),
    ...texts,
    ...files.flatMap(({ name, text }) => [name, text]),
    ...partsOf(casbin),
  ]
  // With their lengths no two sets of sources read the same, wherever one ends and the next begins.
  const digests = [await sha256(encoder.encode(parts.map(({ length }) => length).join()))]
  await encodeInPieces(parts, async bytes => {
    digests.push(await sha256(bytes))
    await pause?.()
  })
  return (await sha256(encoder.encode(digests.join('')))).slice(0, 16)
}

/** Nothing where no model was brought, so that the revision of a policy without one is what its files say. */
function partsOf(casbin: CasbinTexts | undefined): readonly string[] {
  if (casbin === undefined) return []
  const { model, files, subjects = [], domains = [], isSorted = false } = casbin
  const said = JSON.stringify(['casbin', subjects, domains, isSorted])
  return [said, model.text, ...files.flatMap(({ name, text }) => [name, text])]
}

const encoder = new TextEncoder()
/** Bytes. To encode and to copy them takes a fraction of a millisecond; a large policy whole takes twenty. */
const pieceLength = 65_536

async function encodeInPieces(
  texts: readonly string[],
  onPiece: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  const piece = new Uint8Array(pieceLength)
  let filled = 0
  for (const text of texts) {
    for (let start = 0; start < text.length; ) {
      // Takes whole characters: the halves of one, encoded apart, would all read as the same sign.
      const { read, written } = encoder.encodeInto(text.slice(start, start + pieceLength), piece.subarray(filled))
      start += read
      filled += written
      if (start === text.length) break
      await onPiece(piece.subarray(0, filled))
      filled = 0
    }
  }
  await onPiece(piece.subarray(0, filled))
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes)
  return Array.from(new Uint8Array(digest), byte => byte.toString(16).padStart(2, '0')).join('')
}
