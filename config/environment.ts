/** Settings from the environment: `SALLYPORT_SERVER_URL=…`, entries of lists of sections by their index. */
import { suggestion } from '../spelling/nearest.ts'
import type { ConfigProblem } from './problems.ts'
import { listEnvironment, type Setting, sectionLists, settings } from './schema/settings.ts'
import type { Path } from './tree.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface EnvironmentEntry {
  readonly name: string
  readonly path: Path
  readonly value: unknown
  readonly setting: Setting
}

const prefix = 'SALLYPORT_'

// Set by people and scripts around the service, not settings of it.
const otherNames = /^SALLYPORT_(?:CONFIG$|TEST_)/

// Kubernetes gives every container the addresses of the services in its namespace; one is likely called sallyport.
const serviceLink =
  /_(?:SERVICE_(?:HOST|PORT)(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/

const entryOfList = new RegExp(`^(?:${sectionLists.map(listEnvironment).join('|')})_(\\d{1,2})_`)

const byName = new Map(settings.map(setting => [setting.environment, setting]))

function readValue(setting: Setting, text: string): unknown {
  switch (setting.kind) {
    case 'list':
      return text.split(',').map(item => item.trim())
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'number':
      return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text
    case 'text':
      return text
  }
}

/** Every setting in the environment, and every name that looks like one and is none. Empty values count as absent. */
export function readEnvironment(environment: Environment): { entries: EnvironmentEntry[]; problems: ConfigProblem[] } {
  const entries: EnvironmentEntry[] = []
  const problems: ConfigProblem[] = []
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(prefix) || text === undefined || text === '') continue
    const index = entryOfList.exec(name)?.[1]
    const setting = byName.get(index === undefined ? name : name.replace(`_${index}_`, '_0_'))
    if (setting !== undefined) {
      const path = setting.path.map(step => (typeof step === 'number' ? Number(index) : step))
      entries.push({ name, path, value: readValue(setting, text), setting })
    } else if (!otherNames.test(name) && !serviceLink.test(name)) {
      const message = `there is no such setting${suggestion(name, [...byName.keys()])}`
      problems.push({ source: `environment ${name}`, path: '', message })
    }
  }
  return { entries, problems }
}
