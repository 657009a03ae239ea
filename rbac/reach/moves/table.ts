/** The catalogue: every way from one identity to another that a review knows. A new one is a row in one of these lists. */
import type { MoveId } from '../finding.ts'
import { controlPlaneMoves } from './families/control-plane.ts'
import { credentialMoves } from './families/credentials.ts'
import { impersonationMoves } from './families/impersonation.ts'
import { nodeMoves } from './families/nodes.ts'
import { roleMoves } from './families/roles.ts'
import { claimMoves, situationMoves } from './families/situations.ts'
import { workloadMoves } from './families/workloads.ts'
import type { Move } from './move.ts'

export const moves: readonly Move[] = [
  ...impersonationMoves,
  ...credentialMoves,
  ...claimMoves,
  ...workloadMoves,
  ...nodeMoves,
  ...roleMoves,
  ...controlPlaneMoves,
  ...situationMoves,
].sort((one, other) => (one.id < other.id ? -1 : 1))

const byId = new Map(moves.map(move => [move.id, move]))

export const moveOf = (id: MoveId): Move | undefined => byId.get(id)
