/** The example, the reference pages and the JSON Schema say what the schema says. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { generatedFiles } from '../../cli/docs.ts'
import { createWholeProgram } from '../../cli/program.ts'
import { exampleYaml, jsonSchema, referenceMarkdown } from '../../config/reference.ts'
import { settings } from '../../config/schema/settings.ts'
import { formatPath } from '../../config/tree.ts'
import { loadText, minimal } from './load-text.ts'
import { createTestTerminal } from './test-terminal.ts'

const committed = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

describe('generated files are committed as they are generated (npm run docs)', async () => {
  const program = await createWholeProgram({ version: '0.0.0', terminal: createTestTerminal() }, () => {})
  it.each([...generatedFiles(program)])('%s', (name, text) => expect(committed(name)).toBe(text))
})

describe('the example', () => {
  it('is a valid configuration, and equal to its least settings with every default', () => {
    expect(loadText(exampleYaml()).config).toEqual(loadText(minimal).config)
  })

  it('stays valid, and means the same, with every default uncommented', () => {
    const isDefault = (line: string) => /^\s+# (?!Environment:)[a-zA-Z]+:|^# [a-z]+:$/.test(line)
    const withoutDefault =
      /^\s*# (?:clientSecret|clientKey|clientKeyFile|clientKeyId|clientCertificate|clientCertificateHeader|clientCertificateFile|groupPrefix|groupsSeparator|url|urlFile|masterName|sentinelPassword|sentinelPasswordFile|tls|ca|caFile|certificate|certificateFile|key|keyFile|serverName|secret|issuer|label|module|export|options|optionsFile|watcher|cookieDomain|maxAge|maxIdle|providers|assertionClaims|groups(?=: \[wiki)|identityHeaders|claimHeaders|userName|claim(?=: preferred)|emailDomain|provider(?=: corp)|authorization|tickets|certificateFrom|socketOwner|bearerFrom|bearerAudience|bearerHeader|passwords(?=: true)|narrowedBy|hosts(?=: \[shop)|name(?=: Example Corp)|colour|contact|logo|logoFile|title|startPath):/
    // What is absent altogether has no defaults in force.
    const lines = exampleYaml()
      .replace(/^# (?:envoy|kubernetes|machines|authzen):\n(?:[# ] .*\n)*/gm, '')
      .replace(/^ {2}# (?:casbin|deciders):\n(?: {4,}.*\n)*/gm, '')
      .split('\n')
    const text = lines.map(line => (isDefault(line) && !withoutDefault.test(line) ? line.replace('# ', '') : line))
    const sections = Object.keys(parse(text.join('\n')) as object)
    expect(sections).toHaveLength(14)
    expect(loadText(text.join('\n')).config).toEqual(loadText(minimal).config)
  })

  it('holds every setting with its environment name', () => {
    const text = exampleYaml()
    for (const setting of settings) expect(text).toContain(`# Environment: ${setting.environment}\n`)
  })

  it('holds no secret that anybody could copy', () => {
    expect(exampleYaml()).not.toMatch(/(?:secret|clientSecret): \S/)
  })
})

describe('the reference', () => {
  it.each(settings.map(setting => [formatPath(setting.path).replaceAll('[0]', '[]'), setting] as const))(
    '%s has a row with its default, its environment name and one sentence',
    (name, setting) => {
      const row = referenceMarkdown()
        .split('\n')
        .find(line => line.startsWith(`| \`${name}\` |`))
      expect(row).toContain(`\`${setting.environment}\``)
      expect(row?.replaceAll('\\|', '|')).toContain(setting.description)
      expect(setting.description).toMatch(/^[A-Z].*\.$/)
    },
  )
})

describe('the JSON Schema', () => {
  interface Node {
    readonly properties?: Readonly<Record<string, Node>>
    readonly items?: Node
    readonly additionalProperties?: boolean
    readonly description?: string
    readonly required?: readonly string[]
  }
  const root = JSON.parse(jsonSchema()) as Node

  it('knows every setting, with its sentence', () => {
    for (const setting of settings) {
      let node: Node | undefined = root
      for (const step of setting.path) node = typeof step === 'number' ? node?.items : node?.properties?.[step]
      expect(node?.description, formatPath(setting.path)).toContain(setting.description)
    }
  })

  it('says of no other place what it says of a setting', () => {
    const described: string[] = JSON.stringify(root).match(/Environment: SALLYPORT_\w+/g) ?? []
    expect(described.filter((name, at) => described.indexOf(name) !== at)).toEqual([])
    expect(described).toHaveLength(settings.length)
  })

  it('requires what has no default and refuses unknown names', () => {
    expect(root.required).toEqual(['server', 'providers'])
    expect(root.properties?.server?.required).toEqual(['url'])
    expect(root.additionalProperties).toBe(false)
    expect(root.properties?.providers?.items?.properties?.claims?.additionalProperties).toBe(false)
  })
})
