/**
 * A path is judged as the application will read it.
 *
 * Threat: `/public/..%2fsecrets`, which a rule takes for a page below `/public/` and an application for `/secrets`.
 */
import { randomBytes } from 'node:crypto'
import type { Answer } from './exchange.ts'
import { ask, commonText, head, isKept, isServed, notKept, type Outcome, type Probe, type Target } from './probe.ts'

/** Ways out of an open folder; each is followed by the closed path without its first slash. */
const waysOut = [
  ...[
    '../',
    '..%2f',
    '..%2F',
    '%2e%2e/',
    '%2E%2E/',
    '.%2e/',
    '%2e%2e%2f',
    '..;/',
    '..%3b/',
    '..%5c',
    '..\\',
    '%2e%2e\\',
  ],
  ...['..%00/', '..%20/', '..%09/', '%252e%252e/', '%252e%252e%252f', '..%252f', '..%c0%af', '%c0%ae%c0%ae/'],
  ...['%e0%80%ae%e0%80%ae/', '%uff0e%uff0e/', '..%u2215', '..%ef%bc%8f', './../', '/../', 'x/../../', '..//'],
]

/** Other spellings of the closed path itself, which begins with a slash. */
const otherSpellings: readonly ((path: string) => string)[] = [
  path => `/${escaped(path.charAt(1))}${path.slice(2)}`,
  path => `/${escaped(path.charAt(1)).toLowerCase()}${path.slice(2)}`,
  path => `/${[...path.slice(1)].map(escaped).join('')}`,
  path => `/${path}`,
  path => `//${path}`,
  path => `/.${path}`,
  path => `/%2e${path}`,
  path => `/x/..${path}`,
  path => `/x/%2e%2e${path}`,
  path => `/x;y/..${path}`,
  path => `${path}/.`,
  path => `${path}/x/..`,
  path => `${path};x=y`,
  path => `${path}%00`,
  path => `${path}%20`,
  path => `${path}?`,
  path => `${path}%3f`,
  path => `${path}%23`,
]

const escaped = (character: string): string =>
  /^[A-Za-z0-9]$/.test(character) ? `%${character.charCodeAt(0).toString(16).toUpperCase()}` : character

export const encodedPaths: Probe = {
  name: 'encoded-paths',
  title: 'a path is judged as the application will read it',
  docs: 'docs/doctor.md#encoded-paths',
  run: async target => {
    const { pathname } = target.url
    if (!isKept(target)) return notKept(target)
    if (pathname === '/') return notApplicable('name a page with a path of its own, such as /secrets')
    const spelt = otherSpellings.map(spell => spell(pathname))
    const failure = await firstFailure(target, spelt, () => false)
    if (failure !== undefined) return failure
    const folders = [...new Set(target.openBeside.map(folderOf))]
    for (const folder of folders) {
      const isOrdinary = await ordinaryBelow(target, folder)
      const paths = waysOut.map(way => `${folder}${way}${pathname.slice(1)}`)
      const found = await firstFailure(target, paths, isOrdinary)
      if (found !== undefined) return found
    }
    const beside = folders.length === 0 ? '; name an open page of this host as well, for ways out of its folder' : ''
    return {
      status: 'pass',
      why: `${spelt.length + folders.length * waysOut.length} spellings, none opens it${beside}`,
    }
  },
}

const notApplicable = (why: string): Outcome => ({ status: 'not-applicable', why })

const folderOf = ({ pathname }: URL): string => pathname.slice(0, pathname.lastIndexOf('/') + 1)

type IsOrdinary = (path: string, answer: Answer) => boolean

async function firstFailure(
  target: Target,
  paths: readonly string[],
  isOrdinary: IsOrdinary,
): Promise<Outcome | undefined> {
  for (const path of paths) {
    const answer = await ask(target, head(target, 'GET', path))
    if (isServed(answer.status) && !isOrdinary(path, answer)) return failed(path, answer.status, target)
  }
  return undefined
}

/**
 * Whether an answer is what any name below the folder gets, such as the start page of an application in the browser, or a
 * page that shows the address it was asked for.
 */
async function ordinaryBelow(target: Target, folder: string): Promise<IsOrdinary> {
  const unknown = `${folder}doctor-${randomBytes(8).toString('hex')}`
  const control = await ask(target, head(target, 'GET', unknown))
  if (!isServed(control.status)) return () => false
  // An application that has made another path of it has not read it as a name below its folder.
  const text = (path: string, answer: Answer): string => withoutBelow(folder, commonText(answer, path))
  return (path, answer) => text(path, answer) === text(unknown, control)
}

/**
 * Where a proxy has brought the path into one form, a page may show that one. What does not begin with the folder stays: it would be
 * what the check was not asked about.
 */
function withoutBelow(folder: string, text: string): string {
  if (folder === '/') return text
  const [first = '', ...rest] = text.split(folder)
  return [first, ...rest.map(after => after.replace(/^[^\s"'<>]*/, ''))].join('')
}

const failed = (path: string, status: number, { url, usual }: Target): Outcome => ({
  status: 'fail',
  why: `\`${path}\` is answered with ${status}, where ${url.pathname} gives ${usual.status}`,
  fix: 'let the proxy pass the path to the check as it passes it to the application, neither of them decoded; the files in deploy/ do. See canonical.allowEncodedSlash and canonical.allowSemicolon if a host has them',
})
