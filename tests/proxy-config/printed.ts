/** What `sallyport proxy-config` prints, checked and started: each proxy with the files as they are, and a frame around NGINX's. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, startChild } from '../../cli/demo/child.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'
import type { TestService } from '../service.ts'

export const printedFormats = ['nginx', 'traefik', 'caddy', 'haproxy', 'envoy', 'envoy-grpc'] as const
export type PrintedFormat = (typeof printedFormats)[number]

export interface Said {
  readonly code: number
  readonly output: string
  readonly errors: string
}

/** Runs the command as a user does, in a folder with `sallyport.yaml`. */
export async function proxyConfig(args: readonly string[], cwd: string): Promise<Said> {
  const terminal = createTestTerminal({ cwd })
  const code = await runCli(['proxy-config', ...args], { version: '0', terminal })
  return { code, output: terminal.output(), errors: terminal.errors() }
}

/**
 * Writes the files of a format, the first of `args`; throws with what the command says where it fails. Options that only another
 * format reads are left out, so that one list does for all.
 */
export async function printInto(directory: string, args: readonly string[], cwd: string): Promise<void> {
  const said = await proxyConfig([...read(args), '--output', directory], cwd)
  if (said.code !== 0) throw new Error(said.errors)
  // Workers of an NGINX that root started run as another user.
  chmodSync(directory, 0o755)
}

function read(args: readonly string[]): readonly string[] {
  const [format = ''] = args
  const unread = [...(format === 'envoy-grpc' ? [] : ['--grpc']), ...(format.startsWith('traefik') ? [] : ['--checks'])]
  return args.filter((arg, at) => !unread.includes(arg) && !unread.includes(args[at - 1] ?? ''))
}

/** What an operator's own nginx.conf would have. */
function frame(directory: string): string {
  const file = join(directory, 'nginx.conf')
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${name}_temp;`)
  const http = ['access_log off;', ...places, 'include sallyport.conf;', 'include sallyport-sites.conf;']
  writeFileSync(file, `pid nginx.pid;\nevents {}\nhttp {\n${http.join('\n')}\n}\n`)
  return file
}

const nginxArguments = (directory: string): string[] => ['-p', directory, '-c', frame(directory), '-e', 'stderr']
const caddyfile = (directory: string): string[] => ['--config', join(directory, 'Caddyfile'), '--adapter', 'caddyfile']

/** The proxy's own validator; gives what it says, and throws where it refuses. Traefik has none. */
export function validate(format: Exclude<PrintedFormat, 'traefik'>, directory: string): string {
  const commands: Readonly<Record<typeof format, readonly [string, readonly string[]]>> = {
    nginx: ['nginx', ['-t', ...nginxArguments(directory)]],
    caddy: ['caddy', ['validate', ...caddyfile(directory)]],
    haproxy: ['haproxy', ['-c', '-V', '-f', join(directory, 'sallyport.cfg')]],
    envoy: ['envoy', ['--mode', 'validate', '-c', join(directory, 'envoy.yaml')]],
    'envoy-grpc': ['envoy', ['--mode', 'validate', '-c', join(directory, 'envoy.yaml')]],
  }
  const [command, args] = commands[format]
  // NGINX says it on standard error.
  return execFileSync('sh', ['-c', 'exec "$@" 2>&1', command, command, ...args], { encoding: 'utf8', timeout: 60_000 })
}

/** `env`: of a Traefik, what a test has elsewhere than a machine. */
export function startPrinted(
  format: PrintedFormat,
  directory: string,
  env: Readonly<Record<string, string>> = {},
): Child {
  switch (format) {
    case 'nginx':
      return startChild({ name: format, command: format, args: [...nginxArguments(directory), '-g', 'daemon off;'] })
    case 'caddy':
      return startChild({ name: format, command: format, args: ['run', ...caddyfile(directory)] })
    case 'haproxy':
      return startChild({ name: format, command: format, args: ['-db', '-f', join(directory, 'sallyport.cfg')] })
    case 'traefik':
      return startChild({ name: format, command: format, args: [], env: { ...environmentOf(directory), ...env } })
    default: {
      const alone = ['--disable-hot-restart', '--concurrency', '2', '--log-level', 'error']
      const args = ['-c', join(directory, 'envoy.yaml'), ...alone]
      return startChild({ name: format, command: 'envoy', args })
    }
  }
}

function environmentOf(directory: string): Readonly<Record<string, string>> {
  const lines = readFileSync(join(directory, 'traefik.env'), 'utf8').matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm)
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]))
}

export interface PrintedPlace {
  /** Where the files go. */
  readonly directory: string
  /** A service of tests/service.ts, by whose configuration the files are. */
  readonly world: Pick<TestService, 'directory' | 'port' | 'service'>
  readonly port: number
  /** `host=address` */
  readonly hosts: readonly string[]
}

/** Prints what the configuration of a running service asks for, without TLS, and starts the proxy with it. */
export async function startPrintedFor(
  format: PrintedFormat,
  { directory, world, port, hosts }: PrintedPlace,
): Promise<Child> {
  const { envoy } = world.service.ports()
  const grpc = envoy === undefined ? [] : ['--grpc', `127.0.0.1:${envoy}`]
  const config = ['--config', join(world.directory, 'sallyport.yaml'), '--listen', `127.0.0.1:${port}`]
  await printInto(directory, [format, ...config, ...grpc, ...hosts.flatMap(host => ['--host', host])], directory)
  return startPrinted(format, directory)
}

/** A folder that does not exist yet. */
export function folder(parent: string, name: string): string {
  const path = join(parent, name)
  mkdirSync(path, { recursive: true })
  return path
}
