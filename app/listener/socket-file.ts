/**
 * The file of a Unix socket: made so that nobody may open it before its permissions stand, put in its place at once, and
 * taken away at the end.
 *
 * Threat: a path that somebody else may write to. A link there is not followed, a file that is no socket is not deleted,
 * and a socket on which somebody listens is not taken over; in a folder that everybody may change there is none at all.
 */
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmdirSync,
  type Stats,
  unlinkSync,
} from 'node:fs'
import { connect } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { OperationalError } from '../errors.ts'
import { ownerOf } from './socket-owner.ts'

export interface SocketPlace {
  readonly socket: string
  readonly mode: number
  readonly owner?: string
  /** Where the primary of this worker has it listen. */
  readonly staged?: string
}

export interface SocketFile {
  /** Where a server listens: in a folder that nobody else may enter. */
  readonly staged: string
  /** Before a server listens there. Again, it is the same. */
  readonly prepare: () => void
  /** Puts what listens there in its place. Does nothing when nothing does. Throws when somebody has come in between. */
  readonly publish: () => void
  /** Takes the file away, if it is still this one. */
  readonly remove: () => void
}

/** What is at the path now. Rejects with `ERR_LISTEN_FAILED` when it cannot be used. */
export async function lookAtSocket({ socket, owner }: SocketPlace): Promise<'free' | 'dead' | 'live'> {
  if (owner !== undefined) ownerOf(owner, why => refused(socket, why))
  checkFolder(socket, dirname(socket))
  const found = statOf(socket)
  if (found === undefined) return 'free'
  if (!found.isSocket()) throw refused(socket, 'something is there that is no socket; move it away')
  const state = await stateOf(socket)
  if (state === 'dead' || state === 'live') return state
  throw refused(socket, `it cannot be told whether somebody listens there (${state})`)
}

/** Rejects with `ERR_LISTEN_FAILED` when the path cannot be used, or somebody listens there. */
export async function claimSocket(place: SocketPlace): Promise<SocketFile> {
  const { socket } = place
  const owner = place.owner === undefined ? undefined : ownerOf(place.owner, why => refused(socket, why))
  const folder = dirname(socket)
  await clear(place)
  const room = attempt(socket, () => mkdtempSync(join(folder, `.${basename(socket)}.`)))
  const staged = join(room, 's')
  let own: Stats | undefined
  return {
    staged,
    prepare: () => attempt(socket, () => makeAgain(room)),
    publish: () => {
      if (statOf(staged) === undefined) return tryTo(() => rmdirSync(room))
      attempt(socket, () => {
        if (owner !== undefined) chownSync(staged, owner.user ?? -1, owner.group ?? -1)
        chmodSync(staged, place.mode)
        const made = lstatSync(staged)
        if (own !== undefined && isSame(own, statOf(socket))) renameSync(staged, socket)
        else {
          linkSync(staged, socket)
          unlinkSync(staged)
        }
        own = made
        rmdirSync(room)
      })
    },
    remove: () => {
      for (const path of [staged, ...(isSame(own, statOf(socket)) ? [socket] : [])]) tryTo(() => unlinkSync(path))
      tryTo(() => rmdirSync(room))
    },
  }
}

function checkFolder(socket: string, folder: string): void {
  const stats = attempt(socket, () => lstatSync(folder))
  if (stats.isSymbolicLink()) throw refused(socket, `${folder} is a symbolic link: write the folder that it leads to`)
  if (!stats.isDirectory()) throw refused(socket, `${folder} is no folder`)
  const anybodyMayReplace = (stats.mode & 0o002) !== 0 && (stats.mode & 0o1000) === 0
  if (anybodyMayReplace) throw refused(socket, `everybody may change ${folder}, and put a socket of their own there`)
  // Threat: the folder in it is swapped for one with a link, whose target gets the owner and mode of the socket.
  const groupMayReplace = (stats.mode & 0o020) !== 0 && (stats.mode & 0o1000) === 0
  const ownerMayReplace = stats.uid !== 0 && stats.uid !== process.geteuid?.()
  if (groupMayReplace || ownerMayReplace)
    throw refused(socket, `others may change ${folder}: let it be of this user or of root, and writable by nobody else`)
}

/** Makes room: what a process left that is dead is taken away, and nothing else. */
async function clear(place: SocketPlace): Promise<void> {
  const { socket } = place
  const found = statOf(socket)
  const state = await lookAtSocket(place)
  if (state === 'live') throw refused(socket, 'something else listens there')
  if (state === 'dead' && found !== undefined) attempt(socket, () => takeAway(socket, found))
}

/** Moved first: another process may have put its own there since. */
function takeAway(socket: string, dead: Stats): void {
  const aside = join(dirname(socket), `.${basename(socket)}.${process.pid}.old`)
  renameSync(socket, aside)
  if (isSame(dead, statOf(aside))) unlinkSync(aside)
  else {
    renameSync(aside, socket)
    throw refused(socket, 'something else listens there')
  }
}

const stateOf = (path: string): Promise<string> =>
  new Promise(resolve => {
    const connection = connect({ path })
    connection.on('connect', () => {
      connection.destroy()
      resolve('live')
    })
    connection.on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED') return resolve('dead')
      resolve(code === 'EAGAIN' ? 'live' : code)
    })
  })

/** A folder of that name that somebody else has made is none of ours. */
function makeAgain(room: string): void {
  const stats = statOf(room)
  if (stats === undefined) mkdirSync(room, { mode: 0o700 })
  else if (!stats.isDirectory() || stats.uid !== process.getuid?.() || (stats.mode & 0o077) !== 0)
    throw new Error(`${room} is not this service's own`)
}

const statOf = (path: string): Stats | undefined => lstatSync(path, { throwIfNoEntry: false })

const isSame = (one: Stats | undefined, other: Stats | undefined): boolean =>
  one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev

function tryTo(act: () => void): void {
  try {
    act()
  } catch {
    // It is gone already, or the folder is; there is nothing left to take away.
  }
}

function attempt<T>(socket: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof OperationalError) throw error
    throw refused(socket, whyOf(error as NodeJS.ErrnoException, dirname(socket)), error)
  }
}

function whyOf({ code, message, syscall }: NodeJS.ErrnoException, folder: string): string {
  if (code === 'ENOENT') return `there is no folder ${folder}`
  if (code === 'EEXIST') return 'something else listens there'
  if (syscall === 'chown') return `its owner cannot be set (${code}): the service has to be a member of that group`
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return `this user may not make files in ${folder}`
  return code ?? message
}

const refused = (socket: string, why: string, cause?: unknown): OperationalError =>
  new OperationalError('ERR_LISTEN_FAILED', `cannot listen on unix:${socket}: ${why}`, { cause })
