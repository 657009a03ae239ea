/** `sallyport kube render authentication`: what an API server is started with that trusts our tokens. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { authenticationConfiguration } from './authentication-configuration.ts'

const help = `
For a cluster whose setting is access: direct. The API server takes the file with --authentication-config, and is the only
one to look at a token: no call is judged here, and none is cut when a session ends. What each part is against stands in it.

Examples:
  $ sallyport kube render authentication --cluster lab > authentication.yaml
  $ sallyport kube render authentication --cluster lab --ca-file auth-ca.pem

Exit codes: 0 it worked; 1 it failed; 2 the command line or the configuration is wrong.`

interface Values {
  readonly config?: string
  readonly cluster?: string
  readonly caFile?: string
}

export function addRenderAuthentication(render: Command, terminal: Terminal, onExit: (code: number) => void): void {
  render.enablePositionalOptions()
  render
    .command('authentication')
    .description('print the AuthenticationConfiguration of an API server that trusts our tokens')
    .option('-c, --config <file>', 'configuration file (default: ./sallyport.yaml)')
    .option('--cluster <name>', 'which cluster of the configuration (needed where there are several)')
    .option(
      '--ca-file <file>',
      'certificates of whoever vouches for the auth host, where the API server does not know them',
    )
    .addHelpText('after', help)
    .action(async (values: Values) => onExit(await renderAuthentication(values, terminal)))
}

async function renderAuthentication(values: Values, terminal: Terminal): Promise<number> {
  const { config: file, cluster: name, caFile } = values
  const { loadChosenConfig } = await import('../load-config.ts')
  const named = file === undefined ? {} : { config: file }
  const { config } = loadChosenConfig({ ...named, allowInsecure: new Set<never>() }, terminal)
  const { cluster, tokenLifetimeSeconds } = chosenCluster(config, name)
  const authority = caFile === undefined ? undefined : readFileSync(resolve(terminal.cwd, caFile), 'utf8')
  terminal.write(
    authenticationConfiguration({
      publicUrl: config.server.url,
      cluster: cluster.name,
      groupPrefix: cluster.groupPrefix,
      tokenLifetimeSeconds,
      ...(authority !== undefined && { certificateAuthority: authority }),
    }),
  )
  return exitCodes.ok
}

function chosenCluster({ kubernetes, directClusters }: Config, name: string | undefined) {
  const { clusters = [], tokenLifetimeSeconds = 0 } = directClusters ?? {}
  // Threat: a server that trusts our tokens beside the gateway, which then judges nothing.
  if (kubernetes?.clusters.some(known => known.name === name)) {
    throw new Error(`the cluster ${name} is behind the gateway: for tokens of its own it needs access: direct`)
  }
  const names = clusters.map(known => known.name).join(', ')
  if (names === '') throw new Error('no cluster of the configuration has access: direct')
  const [cluster, ...others] = name === undefined ? clusters : clusters.filter(known => known.name === name)
  if (cluster === undefined) throw new Error(`there is no cluster ${name} with access: direct; there are: ${names}`)
  if (others.length > 0) throw new Error(`which cluster? --cluster says it; there are: ${names}`)
  return { cluster, tokenLifetimeSeconds }
}
