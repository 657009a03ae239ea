/** `sallyport completion`: what each shell itself offers, with the printed script. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Shell, shells } from '../../cli/completion/scripts.ts'
import { wordsOf } from '../../cli/completion/words.ts'
import { createWholeProgram, runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import { requirePeer } from '../peers.ts'

const version = '0'
const offers: Readonly<Record<Shell, (script: string, words: readonly string[]) => string>> = {
  bash: (script, words) =>
    `source ${script}; COMP_WORDS=(${words.map(quoted).join(' ')}); COMP_CWORD=${words.length - 1}; _sallyport; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: (script, words) =>
    `autoload -U compinit; compinit -D -u; source ${script}; words=(${words.map(quoted).join(' ')}); CURRENT=${words.length}; COMP_WORDS=($words); COMP_CWORD=${words.length - 1}; compgen -F _sallyport -- ${quoted(words.at(-1) ?? '')}`,
  fish: (script, words) => `source ${script}; complete -C ${quoted(words.join(' '))}`,
}
const quoted = (text: string): string => `'${text}'`
const flags: Readonly<Record<Shell, readonly string[]>> = {
  bash: ['--norc', '-c'],
  zsh: ['-f', '-c'],
  fish: ['--no-config', '-c'],
}

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-completion-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function printed(shell: string) {
  const terminal = createTestTerminal()
  const code = await runCli(['completion', shell], { version, terminal })
  return { code, output: terminal.output(), errors: terminal.errors() }
}

describe.each(shells)('in %s', shell => {
  const has = requirePeer(shell) !== undefined
  /** What is offered behind these words, without what is said about it. */
  function offered(...words: string[]): readonly string[] {
    const script = join(directory, shell)
    const text = execFileSync(shell, [...flags[shell], offers[shell](script, ['sallyport', ...words])], {
      encoding: 'utf8',
      cwd: directory,
    })
    const all = text.split('\n').flatMap(line => (line === '' ? [] : [line.split('\t')[0] ?? '']))
    // zsh itself takes away what does not begin as what is typed.
    return shell === 'zsh' ? all.filter(word => word.startsWith(words.at(-1) ?? '')) : all
  }
  beforeAll(async () => {
    writeFileSync(join(directory, shell), (await printed(shell)).output)
  })

  it.skipIf(!has)('commands, those below them, options and their values are offered', () => {
    expect(offered('poli')).toEqual(['policy'])
    expect([...offered('policy', 'ex')].sort()).toEqual(['expiring', 'explain'])
    expect(offered('policy', 'explain', '--anon')).toEqual(['--anonymous'])
    expect([...offered('demo', '--proxy', 'en')].sort()).toEqual(['envoy', 'envoy-grpc'])
    expect(offered('demo', '--check', '--port', '8080', '--pro')).toEqual(['--proxy'])
    expect([...offered('completion', '')].filter(word => !word.startsWith('-')).sort()).toEqual([...shells].sort())
  })

  it.skipIf(!has)('what one command has is not offered behind another', () => {
    expect(offered('sessions', '--anon')).toEqual([])
    expect(offered('explain')).toEqual([])
    expect(offered('demo-prov')).toEqual([])
  })
})

it('no word of ours is anything but a word to a shell', async () => {
  const program = await createWholeProgram({ version, terminal: createTestTerminal() }, () => {})
  const words = wordsOf(program)
  expect(words.length).toBeGreaterThan(50)
  for (const { path, commands, options, values } of words) {
    expect(path).toMatch(/^[a-z -]*$/)
    const spelt = [...commands, ...options].map(({ name }) => name)
    for (const word of [...spelt, ...options.flatMap(({ choices }) => choices), ...values])
      expect(word).toMatch(/^[\w.:-]+$/)
  }
})

it('another shell is refused, with those that there are', async () => {
  const { code, errors } = await printed('tcsh')
  expect([code, errors]).toEqual([2, expect.stringContaining('bash, zsh, fish')])
})
