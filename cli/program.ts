/** The command line: what there is, with examples. What a command does is imported only when it runs. */
import { Command, CommanderError, Help, InvalidArgumentError, Option } from 'commander'
import { addCompletion } from './completion/command.ts'
import type { LogsChoice } from './demo/kubernetes/joined-logs.ts'
import type { DemoOptions } from './demo/main.ts'
import { addDoctor } from './doctor/command.ts'
import { addInsecureOptions, insecureOptionsOf } from './insecure-options.ts'
import { addLogin } from './kube/login-commands.ts'
import { addLazily, completeCommand, lazyTerm } from './lazy-commands.ts'
import { addPasswords } from './passwords/commands.ts'
import { reportError } from './report-error.ts'
import { withHandlesMarked } from './session-handles.ts'
import { addSessions } from './sessions-commands.ts'
import { addStore } from './store-commands.ts'
import { exitCodes, type Terminal } from './terminal.ts'
import { addWorkers } from './workers-commands.ts'

export interface ProgramOptions {
  readonly version: string
  readonly terminal: Terminal
}

/** The same with all options of all commands, for whoever describes them. */
export async function createWholeProgram(options: ProgramOptions, onExit: (code: number) => void): Promise<Command> {
  const program = createProgram(options, onExit)
  for (const command of program.commands) await completeCommand(command)
  return program
}

type Values = Readonly<Record<string, unknown>>

/** Runs one command line (without the names of node and the script) and gives the exit code. */
export async function runCli(args: readonly string[], options: ProgramOptions): Promise<number> {
  let exitCode: number = exitCodes.ok
  const program = createProgram(options, code => {
    exitCode = code
  })
  try {
    await program.parseAsync([...withHandlesMarked(asOptions(args, program))], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    return reportError(error, options.terminal)
  }
}

/** What people type by habit: `help policy explain` for `policy explain --help`, and `-v` beside `-V`. */
function asOptions(args: readonly string[], { commands }: Command): readonly string[] {
  const [first, ...rest] = args
  // Asked for the help of a command that is not there, the program would show its own.
  const isThere = rest.length === 0 || commands.some(command => command.name() === rest[0])
  if (first === 'help') return isThere ? [...rest, '--help'] : rest
  return first === '-v' && rest.length === 0 ? ['--version'] : args
}

const programHelp = `
Examples:
  $ sallyport demo                                   try everything on this machine, nothing to set up
  $ sallyport init                                   five questions, and all that a start takes is written
  $ sallyport config example > sallyport.yaml        every setting, commented
  $ sallyport config check                           every mistake, with file, line and column
  $ sallyport policy check                           the same for the policy
  $ sallyport proxy-config nginx                     what your reverse proxy needs
  $ sallyport serve                                  run
  $ sallyport help policy explain                    what one command does; the same as: policy explain --help

Exit codes: 0 it worked; 1 it failed; 2 the command line, the configuration or the policy is wrong.`

const serveHelp = `
The configuration is --config, else SALLYPORT_CONFIG, else ./sallyport.yaml. Every setting can come from the
environment as well (SALLYPORT_SERVER_URL=…). SIGHUP loads the policy again; SIGUSR2 replaces the
workers without a dropped request; SIGTERM finishes what runs and ends.

The log is JSON lines on standard error. Where that is a terminal, each is read out, and what matters of the
settings in force is said once all listens: addresses, store, providers, policy, trusted proxies; no secret.

Examples:
  $ sallyport serve --config /etc/sallyport/sallyport.yaml
  $ SALLYPORT_LOG_LEVEL=debug sallyport serve
  $ sallyport serve --allow-insecure-http-url        for a laboratory without TLS; each risk has a flag of its own`

const configHelp = `
Examples:
  $ sallyport config example > sallyport.yaml        a commented file to start from
  $ sallyport config check                           every mistake at once
  $ sallyport config show --json                     what is in force and where it came from, without secrets
  $ sallyport config schema > schema.json            for editors that know JSON Schema`

const demoHelp = `
Examples:
  $ sallyport demo                                   behind NGINX or another of the five, if one is installed
  $ sallyport demo --proxy nginx --port 8080
  $ sallyport demo --check                           drive the whole story by itself and print what passed
  $ sallyport demo --kubernetes                      kubectl instead of applications, with a cluster of its own
  $ sallyport demo --kubernetes --check`

/** The commands with their help; what a command ends with goes to `onExit`. */
export function createProgram({ version, terminal }: ProgramOptions, onExit: (code: number) => void): Command {
  // An option belongs to the command that it stands behind: `kube render` and `kube render authentication` share names.
  const program = new Command('sallyport')
    .enablePositionalOptions()
    .description('Zero-trust access for whatever sits behind a reverse proxy.')
    .version(version, '-V, --version', 'print the version')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: terminal.write,
      writeErr: terminal.writeError,
      // The width of a help text does not depend on the window: the reference page is made from it.
      getOutHelpWidth: () => 110,
      getErrHelpWidth: () => 110,
    })
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText('after', programHelp)
    .configureHelp({ subcommandTerm: command => lazyTerm(command) ?? new Help().subcommandTerm(command) })
    .hook('preSubcommand', (_program, command) => completeCommand(command))
  addLazily(program, 'init', terminal, onExit)
  addServe(program, terminal, onExit)
  addConfig(program, terminal, onExit)
  addLazily(program, 'policy', terminal, onExit)
  addSessions(program, terminal, onExit)
  addPasswords(program, terminal, onExit)
  addLogin(program, terminal, onExit)
  addLazily(program, 'kube', terminal, onExit)
  addLazily(program, 'token', terminal, onExit)
  addWorkers(program, terminal, onExit)
  addStore(program, terminal, onExit)
  addLazily(program, 'proxy-config', terminal, onExit)
  addDoctor(program, terminal, onExit)
  addDemo(program, onExit)
  addDemoParts(program, onExit)
  addSecret(program, terminal, onExit)
  addCompletion(program, terminal, onExit)
  addDocs(program, terminal, onExit)
  return program
}

type Add = (program: Command, terminal: Terminal, onExit: (code: number) => void) => void

const configOption = () => new Option('-c, --config <file>', 'configuration file (default: ./sallyport.yaml)')

const choiceOf = (values: Values) => ({
  ...(typeof values.config === 'string' ? { config: values.config } : {}),
  allowInsecure: insecureOptionsOf(values),
})

const addServe: Add = (program, terminal, onExit) => {
  const serve = program.command('serve').description('run the service').addOption(configOption())
  addInsecureOptions(serve)
    .addHelpText('after', serveHelp)
    .action(async (values: Values) => {
      const { runServe } = await import('./serve.ts')
      onExit(await runServe(choiceOf(values), terminal))
    })
}

const examples = (...lines: readonly string[]): string => `\nExamples:\n${lines.map(line => `  $ ${line}`).join('\n')}`

const configExamples = {
  check: examples('sallyport config check', 'sallyport config check --config new.yaml --json'),
  show: examples('sallyport config show', 'SALLYPORT_LOG_LEVEL=debug sallyport config show --json'),
  schema: examples('sallyport config schema > sallyport.schema.json'),
  example: examples('sallyport config example > sallyport.yaml'),
}

const addConfig: Add = (program, terminal, onExit) => {
  const config = program.command('config').description('check, show and start a configuration').helpCommand(false)
  config.addHelpText('after', configHelp)
  const add = (name: 'check' | 'show', description: string) =>
    addInsecureOptions(config.command(name).description(description).addOption(configOption()))
      .option('--json', 'print one JSON document')
      .addHelpText('after', configExamples[name])
      .action(async (values: Values) => {
        const { checkConfig, showConfig } = await import('./config.ts')
        const run = name === 'check' ? checkConfig : showConfig
        onExit(run({ ...choiceOf(values), json: values.json === true }, terminal))
      })
  add('check', 'report every mistake of the configuration')
  add('show', 'print what is in force and where it came from, without secrets')
  const print = (name: 'schema' | 'example', description: string) =>
    config
      .command(name)
      .description(description)
      .addHelpText('after', configExamples[name])
      .action(async () => {
        const { printExample, printSchema } = await import('./config.ts')
        onExit(name === 'schema' ? printSchema(terminal) : printExample(terminal))
      })
  print('schema', 'print the JSON Schema of the configuration file')
  print('example', 'print a commented configuration file')
}

const readPort = (text: string): number => {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.')
  return port
}

const addDemo = (program: Command, onExit: (code: number) => void): void => {
  program
    .command('demo')
    .description('run everything on this machine: provider, proxy, two applications')
    .addOption(
      new Option('--proxy <name>', 'proxy in front').choices([
        'nginx',
        'traefik',
        'caddy',
        'envoy',
        'envoy-grpc',
        'haproxy',
        'built-in',
      ]),
    )
    .option('--kubernetes', 'kubectl through a browser login, with a real cluster, instead of the applications')
    .option('--check', 'drive the whole story, print what passed and end')
    .option('--port <number>', 'port of the proxy; with --kubernetes, of the login page', readPort)
    .option('--json', 'with --check: print one JSON document')
    .addHelpText('after', demoHelp)
    .action(async ({ check = false, ...values }: Partial<DemoOptions>) => {
      const { runDemo } = await import('./demo/main.ts')
      onExit(await runDemo({ ...values, check }))
    })
}

// Parts of the demo as processes of their own, for compose.yaml and for its files; nobody types these.
const addDemoParts = (program: Command, onExit: (code: number) => void): void => {
  program
    .command('demo-provider', { hidden: true })
    .requiredOption('--listen <address>', 'host:port')
    .requiredOption('--issuer <url>', 'public address of the provider')
    .requiredOption('--auth-url <url>', 'public address of Sallyport')
    .requiredOption('--client-secret-file <file>', 'file with the secret of the client sallyport')
    .action(async (values: { listen: string; issuer: string; authUrl: string; clientSecretFile: string }) => {
      const { runDemoProvider } = await import('./demo/parts.ts')
      onExit(await runDemoProvider(values))
    })
  program
    .command('demo-logs', { hidden: true })
    .description('print both audit logs of a demo with Kubernetes, joined')
    .requiredOption('--directory <path>', 'folder of the demo')
    .option('--all', 'also what kubectl asks for by itself')
    .option('--json', 'print one JSON document')
    .action(async (values: LogsChoice) => {
      const { runDemoLogs } = await import('./demo/kubernetes/joined-logs.ts')
      onExit(runDemoLogs(values))
    })
  program
    .command('demo-app', { hidden: true })
    .requiredOption('--listen <address>', 'host:port')
    .addOption(new Option('--name <name>', 'which application').choices(['wiki', 'payroll']).makeOptionMandatory())
    .action(async (values: { listen: string; name: 'wiki' | 'payroll' }) => {
      const { runDemoApp } = await import('./demo/parts.ts')
      onExit(await runDemoApp(values))
    })
}

const addSecret: Add = (program, terminal, onExit) => {
  program
    .command('secret')
    .description('print a fresh session secret (32 random bytes, base64url)')
    .addHelpText(
      'after',
      examples('(umask 077; sallyport secret > session.secret)', 'sallyport secret >> session.secret'),
    )
    .action(async () => {
      const { printSecret } = await import('./secret.ts')
      onExit(printSecret(terminal))
    })
}

const addDocs: Add = (program, terminal, onExit) => {
  program
    .command('docs')
    .description('generate the reference pages again (in a checkout of the project)')
    .option('--check', 'change nothing; fail when a page is out of date')
    .addHelpText('after', examples('sallyport docs', 'sallyport docs --check'))
    .action(async (values: Values) => {
      const { runDocs } = await import('./docs.ts')
      for (const command of program.commands) await completeCommand(command)
      onExit(await runDocs({ program, check: values.check === true }, terminal))
    })
}
