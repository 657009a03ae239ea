/** The answer of a watch, as events that follow each other. */
import type { IncomingMessage } from 'node:http'
import { protobufEvents } from './formats.ts'
import { createFrameWalker, type FrameWalker } from './frame-walker.ts'
import { createLineWalker } from './lines.ts'

/** Events of a watch, and whether one of ours can be put behind them. */
export interface Events {
  readonly walker: FrameWalker
  readonly isJson: boolean
}

/** `undefined`: in a form in which no event of ours can stand, and no end of one can be told. */
export function eventsOf({ headers }: Pick<IncomingMessage, 'headers'>): Events | undefined {
  if (headers['content-encoding'] !== undefined) return undefined
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  if (type.trim() === 'application/json') return { walker: createLineWalker(), isJson: true }
  if (type.trim() === 'application/vnd.kubernetes.protobuf')
    return { walker: createFrameWalker(protobufEvents), isJson: false }
  return undefined
}
