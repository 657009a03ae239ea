/** What stands at the path of a socket: taken over where it is dead, and left alone where it is anything else. */
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimSocket, type SocketFile } from '../../app/listener/socket-file.ts'

let folder: string
let path: string
const open: Server[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-socket-'))
  path = join(folder, 'check.sock')
})
afterEach(async () => {
  for (const server of open.splice(0)) await new Promise(resolve => server.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

async function listenAt(place: string, greeting = ''): Promise<Server> {
  const server = createServer(connection => connection.on('error', () => undefined).end(greeting))
  open.push(server)
  await once(server.listen(place), 'listening')
  return server
}

async function claimed(mode = 0o660, greeting = 'own'): Promise<SocketFile> {
  const file = await claimSocket({ socket: path, mode })
  await listenAt(file.staged, greeting)
  return file
}

const greetingAt = async (place: string): Promise<string> => {
  let text = ''
  const connection = connect(place).on('data', chunk => {
    text += chunk
  })
  await once(connection, 'close')
  return text
}

/** The file of a process that was killed: nobody listens there any more. */
async function leaveDead(): Promise<void> {
  const { execFileSync } = await import('node:child_process')
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  try {
    execFileSync(process.execPath, ['-e', script], { stdio: 'ignore' })
  } catch {
    // It was killed, as it had to be.
  }
  expect(lstatSync(path).isSocket()).toBe(true)
}

const problemOf = (): Promise<string> =>
  claimSocket({ socket: path, mode: 0o660 }).then(
    () => 'none',
    (error: Error) => error.message,
  )

describe('the file of a socket', () => {
  it('is nowhere to be found until its permissions stand, and then has them', async () => {
    const file = await claimed(0o600)
    expect(existsSync(path)).toBe(false)
    const [room = ''] = readdirSync(folder)
    expect(lstatSync(join(folder, room)).mode & 0o777).toBe(0o700)
    file.publish()
    expect(lstatSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['check.sock'])
    expect(await greetingAt(path)).toBe('own')
    file.remove()
    expect(readdirSync(folder)).toEqual([])
  })

  it('takes the place of one that a dead process has left', async () => {
    await leaveDead()
    const file = await claimed()
    file.publish()
    expect(await greetingAt(path)).toBe('own')
    expect(readdirSync(folder)).toEqual(['check.sock'])
  })

  it('A60 does not take the place of one on which somebody listens', async () => {
    await listenAt(path, 'theirs')
    expect(await problemOf()).toBe(`cannot listen on unix:${path}: something else listens there`)
    expect(await greetingAt(path)).toBe('theirs')
  })

  it('A60 does not take the place of one that came while it was made, and does not take that away at its end', async () => {
    const file = await claimed()
    await listenAt(path, 'theirs')
    expect(() => file.publish()).toThrow('something else listens there')
    file.remove()
    expect(await greetingAt(path)).toBe('theirs')
    expect(readdirSync(folder)).toEqual(['check.sock'])
  })

  it('A60 follows no link and deletes nothing that is no socket', async () => {
    const precious = join(folder, 'precious')
    writeFileSync(precious, 'precious')
    for (const make of [
      () => symlinkSync(precious, path),
      () => symlinkSync(join(folder, 'nowhere'), path),
      () => writeFileSync(path, 'text'),
      () => mkdirSync(path),
    ]) {
      make()
      expect(await problemOf()).toContain('something is there that is no socket')
      expect(lstatSync(path).isSocket()).toBe(false)
      rmSync(path, { recursive: true })
    }
    expect(readFileSync(precious, 'utf8')).toBe('precious')
  })

  it('A60 is not made in a folder that everybody may change, or by way of a link to one', async () => {
    chmodSync(folder, 0o777)
    expect(await problemOf()).toContain(`everybody may change ${folder}`)
    // As /tmp is: everybody may add there, and nobody may take away what is somebody else's.
    chmodSync(folder, 0o775)
    expect(await problemOf()).toContain(`others may change ${folder}`)
    chmodSync(folder, 0o1777)
    expect(await problemOf()).toBe('none')
    const link = `${folder}-link`
    symlinkSync(folder, link)
    path = join(link, 'check.sock')
    expect(await problemOf()).toContain('is a symbolic link')
    rmSync(link)
  })

  it('says what is missing', async () => {
    path = join(folder, 'absent', 'check.sock')
    expect(await problemOf()).toBe(`cannot listen on unix:${path}: there is no folder ${join(folder, 'absent')}`)
    const owned = claimSocket({ socket: join(folder, 'a.sock'), mode: 0o660, owner: ':no-such-group' })
    await expect(owned).rejects.toThrow('/etc/group has no no-such-group')
  })

  it('is made again in its own place when all who listened have ended', async () => {
    const file = await claimed(0o660, 'first')
    file.publish()
    for (const server of open.splice(0)) await new Promise(resolve => server.close(resolve))
    file.prepare()
    await listenAt(file.staged, 'second')
    file.publish()
    expect(await greetingAt(path)).toBe('second')
  })
})
