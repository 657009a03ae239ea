/**
 * Whether a call of the admin listener comes from this machine.
 *
 * Threat: some answers say who somebody is, and this listener may be open to whatever collects metrics. So those are
 * given to this machine only, under a name of this machine: not to a neighbour, and not to a page in a browser here whose
 * own name was pointed at the loopback address.
 */
import type { Request, RequestHandler } from 'express'
import { peerOf, socketPeer } from '../peer.ts'

const loopback = /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/
const loopbackHost = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/i

const isNear = (peer: string): boolean => peer === socketPeer || loopback.test(peer)

export const isFromThisMachine = ({ socket, headers }: Pick<Request, 'socket' | 'headers'>): boolean =>
  isNear(peerOf(socket)) && loopbackHost.test(headers.host ?? '')

/** 403 with `error` for everybody else. */
export function forThisMachineOnly(error: string): RequestHandler {
  return (request, response, next) => {
    if (isFromThisMachine(request)) next()
    else response.status(403).set('Cache-Control', 'no-store').json({ error })
  }
}
