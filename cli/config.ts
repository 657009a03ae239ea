/** `sallyport config check|show|schema|example`. */
import { ConfigError } from '../config/problems.ts'
import { exampleYaml, jsonSchema } from '../config/reference.ts'
import { type ShownSetting, showSettings } from '../config/show.ts'
import { type ConfigChoice, loadChosenConfig } from './load-config.ts'
import { reportError } from './report-error.ts'
import { exitCodes, type Terminal } from './terminal.ts'

export interface ConfigCommandOptions extends ConfigChoice {
  /** One JSON document on standard output instead of text. */
  readonly json: boolean
}

const writeJson = (terminal: Terminal, value: unknown): void => terminal.write(`${JSON.stringify(value, null, 2)}\n`)

/** Says whether `serve` would take this configuration. */
export function checkConfig(options: ConfigCommandOptions, terminal: Terminal): number {
  try {
    const { warnings } = loadChosenConfig(options, terminal)
    if (options.json) writeJson(terminal, { valid: true, problems: [], warnings })
    else {
      writeWarnings(warnings, terminal)
      terminal.write(`${terminal.colors.green('The configuration is valid.')}\n`)
    }
    return exitCodes.ok
  } catch (error) {
    return reportConfigError(error, options, terminal)
  }
}

/** Prints what is in force and where each value came from, without any secret. */
export function showConfig(options: ConfigCommandOptions, terminal: Terminal): number {
  try {
    const { effective, warnings } = loadChosenConfig(options, terminal)
    const shown = showSettings(effective)
    if (options.json) writeJson(terminal, { settings: shown, warnings })
    else {
      writeWarnings(warnings, terminal)
      terminal.write(formatSettings(shown, terminal))
    }
    return exitCodes.ok
  } catch (error) {
    return reportConfigError(error, options, terminal)
  }
}

export function printSchema(terminal: Terminal): number {
  terminal.write(jsonSchema())
  return exitCodes.ok
}

export function printExample(terminal: Terminal): number {
  terminal.write(exampleYaml())
  return exitCodes.ok
}

function reportConfigError(error: unknown, options: ConfigCommandOptions, terminal: Terminal): number {
  if (!options.json || !(error instanceof ConfigError)) return reportError(error, terminal)
  writeJson(terminal, { valid: false, problems: error.problems, warnings: [] })
  return exitCodes.usage
}

function writeWarnings(warnings: readonly string[], { colors, writeError }: Terminal): void {
  for (const warning of warnings) writeError(`${colors.yellow('warning')}: ${warning}\n`)
}

function formatSettings(shown: readonly ShownSetting[], { colors }: Terminal): string {
  const lines = shown.map(({ path, value, origin }) => ({ left: `${path}: ${formatValue(value)}`, origin }))
  const width = Math.min(60, Math.max(...lines.map(line => line.left.length)))
  return lines.map(({ left, origin }) => `${left.padEnd(width)}  ${colors.dim(`# ${origin}`)}\n`).join('')
}

const formatValue = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
