/** What is asked about a credential: of which configuration and host, when, and, with an address, of the policy. */
import type { Config } from '../../config/config.ts'
import { type CallExplanation, explainCall } from '../../rbac/asking/calls/explain-call.ts'
import { parseCall, type WrittenCall } from '../../rbac/asking/calls/parse-call.ts'
import type { Context } from '../../rbac/context.ts'
import type { Machine, User } from '../../rbac/identity.ts'
import { ValueError } from '../../rbac/policy-error.ts'
import { canonicaliseHost } from '../../rbac/request/canonical-host.ts'
import { insecureOptionsOf } from '../insecure-options.ts'
import { loadChosenConfig } from '../load-config.ts'
import { type FactValues, parseFacts } from '../policy/asking/who-options.ts'
import { loadPolicy } from '../policy/load-policy.ts'
import type { Terminal } from '../terminal.ts'

export interface InspectValues extends FactValues {
  readonly config?: string
  readonly host?: string
  readonly url?: string
  readonly method?: string
  readonly online?: boolean
  /** In place of a token. */
  readonly certificateFile?: string
  readonly json?: boolean
}

/** What is asked, and of which configuration. */
interface ParsedQuestion {
  readonly config: Config
  readonly context: Context
  readonly call: WrittenCall | undefined
  readonly host: string | undefined
}

/** Throws `ValueError`, and `ConfigError` with every problem. */
export function parseQuestion(values: InspectValues, terminal: Terminal): ParsedQuestion {
  const context = parseFacts(values, Math.floor(Date.now() / 1000), terminal.cwd)
  const call =
    values.url === undefined ? undefined : parseCall(`${values.method ?? 'GET'} ${values.url}`, context.header)
  if (call === undefined && values.method !== undefined) throw new ValueError('--method goes with --url')
  const { config } = loadChosenConfig(choiceOf(values), terminal)
  return { config, context, call, host: hostOf(values, call) }
}

const choiceOf = ({ config, ...values }: InspectValues) => ({
  ...(config !== undefined && { config }),
  allowInsecure: insecureOptionsOf({ ...values }),
})

function hostOf({ host }: InspectValues, call: WrittenCall | undefined): string | undefined {
  const asked = call?.request.domain
  const named = host === undefined ? undefined : readHost(host)
  if (named !== undefined && asked !== undefined && named !== asked) throw new ValueError('--host is not that of --url')
  return named ?? asked
}

function readHost(host: string): string {
  try {
    return canonicaliseHost(host)
  } catch (error) {
    throw new ValueError(`--host: ${error instanceof Error ? error.message : String(error)}`)
  }
}

interface Asked {
  readonly context: Context
  readonly values: InspectValues
  readonly terminal: Terminal
}

export async function askPolicy(
  call: WrittenCall,
  identity: Machine | User,
  { context, values, terminal }: Asked,
): Promise<CallExplanation> {
  const { snapshot } = await loadPolicy(choiceOf(values), terminal)
  return explainCall(call, { identity, context }, snapshot)
}
