/**
 * docs/systemd.md, typed word for word into a machine whose first process is systemd (in a container), and what the unit promises:
 * who can open what, a reload, a rotation, a killed service, a mistake in the configuration, a proxy at the socket, the end.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createAuthority } from '../certificates.ts'
import { hasImage, machineImage, podman } from './podman.ts'

const isThere = await hasImage(machineImage)
const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/systemd.md'), 'utf8')
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text = '']) => text)

const name = `sallyport-systemd-${process.pid}`
const directory = mkdtempSync(join(tmpdir(), 'sallyport-machine-'))

/** As root on that machine. */
async function typed(script: string): Promise<string> {
  const { code, stdout, stderr } = await podman(['exec', name, 'bash', '-euo', 'pipefail', '-c', script])
  if (code !== 0) throw new Error(`${script}\nended with ${code}: ${stdout}${stderr}`)
  return stdout.trim()
}
/** Gives the exit code. */
const codeOf = async (script: string): Promise<number | null> =>
  (await podman(['exec', name, 'bash', '-c', script])).code

const asUser = (user: string, group: string, command: string): string =>
  `setpriv --reuid=${user} --regid=${group} --clear-groups ${command}`
const check = (path: string): string =>
  `curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/sallyport/check.sock -H 'x-original-method: GET' ` +
  `-H 'x-original-url: https://wiki.example.com${path}' http://localhost/verify/auth-request`
const statusOf = (path: string): Promise<string> => typed(asUser('www-data', 'www-data', check(path)))
const stateOf = (property: string): Promise<string> => typed(`systemctl show --property=${property} --value sallyport`)
const untilCode = (code: number, script: string) =>
  vi.waitUntil(async () => (await codeOf(script)) === code, { timeout: 60_000, interval: 100 })
const untilServing = () =>
  untilCode(
    0,
    'curl -sf --unix-socket /run/sallyport/admin.sock http://localhost/healthz && test -S /run/sallyport/check.sock',
  )

describe.skipIf(!isThere)('a machine with systemd, as docs/systemd.md has it', () => {
  const [prepare = '', start = '', look = '', commands = ''] = blocks('sh')
  const [settings = ''] = blocks('yaml')
  const policy = blocks('').find(text => text.includes('policy.csv')) ?? ''

  beforeAll(async () => {
    const authority = createAuthority('An authority of a test')
    const { certificate, key } = authority.issue('auth.example.com', ['auth.example.com', 'wiki.example.com'])
    authority.close()
    writeFileSync(join(directory, 'site.pem'), certificate)
    writeFileSync(join(directory, 'site.key'), key)
    const deploy = join(root, 'deploy')
    const files = [`--volume=${deploy}:/opt/sallyport/deploy:ro`, `--volume=${directory}:/files:ro`]
    const ran = await podman([
      ...['run', '--detach', `--name=${name}`, '--systemd=always', '--privileged', '--network=none'],
      ...files,
      machineImage,
    ])
    if (ran.code !== 0) throw new Error(ran.stderr)
    await untilCode(0, 'systemctl is-system-running --wait')
    writeFileSync(join(directory, 'sallyport.yaml'), settings)
    writeFileSync(join(directory, 'policy.csv'), `${policy}p, anyone, wiki.example.com, /public/**, read, -, allow\n`)
    // What somebody pastes at the last line.
    await typed(prepare.replace(/(install .*oidc\.secret)/, "echo 'the secret of a client in a test' | $1"))
    await typed('cp /files/sallyport.yaml /etc/sallyport/ && cp /files/policy.csv /etc/sallyport/policy/')
    await typed('cp /files/site.pem /files/site.key /etc/nginx/')
    await typed(start)
    await untilServing()
  }, 120_000)
  afterAll(async () => {
    await podman(['rm', '--force', '--time=0', name])
    rmSync(directory, { recursive: true, force: true })
  })

  it('says on the page what is seen: a status, readiness, and commands that find the secrets and the socket', async () => {
    const seen = await typed(look)
    expect(seen).toContain('active (running)')
    expect(seen).toContain('{"name":"store","ok":true}')
    const said = await typed(commands)
    expect(said).toContain('no session')
    expect(await typed('ls /etc/nginx')).toContain('sallyport-sites.conf')
  })

  it('is asked by NGINX at the socket, which is nobody else’s, and no other account reads a secret', async () => {
    expect([await statusOf('/public/a'), await statusOf('/')]).toEqual(['200', '401'])
    expect(await codeOf(asUser('nobody', 'nogroup', check('/public/a')))).toBe(7)
    const admin = 'curl -s --unix-socket /run/sallyport/admin.sock http://localhost/healthz'
    expect(await codeOf(asUser('www-data', 'www-data', admin))).toBe(7)
    for (const file of ['/run/credentials/sallyport.service/oidc-secret', '/etc/sallyport/oidc.secret']) {
      expect([file, await codeOf(`cat ${file}`)]).toEqual([file, 0])
      expect([file, await codeOf(asUser('www-data', 'www-data', `cat ${file}`))]).toEqual([file, 1])
    }
    await typed(`
      rm -f /etc/nginx/sites-enabled/default
      printf 'include /etc/nginx/sallyport.conf;\\ninclude /etc/nginx/sallyport-sites.conf;\\n' >/etc/nginx/conf.d/sallyport.conf
      systemctl start nginx`)
    const through = (path: string) =>
      typed(
        `curl -sk -o /dev/null -w '%{http_code} %{redirect_url}' --resolve wiki.example.com:443:127.0.0.1 https://wiki.example.com${path} -H 'sec-fetch-mode: navigate' -H 'accept: text/html'`,
      )
    expect(await through('/')).toMatch(/^302 https:\/\/auth\.example\.com\/login\?rd=/)
    // It is let through, and nobody listens behind it.
    expect(await through('/public/a')).toMatch(/^502/)
  })

  it('has what the unit leaves to a process: its folders, no rights, no other’s files', async () => {
    const pid = await stateOf('MainPID')
    const status = await typed(`cat /proc/${pid}/status`)
    expect(status).toMatch(/NoNewPrivs:\s1\n[\s\S]*Seccomp:\s2\n/)
    for (const set of ['CapEff', 'CapBnd', 'CapAmb']) expect(status).toMatch(new RegExp(`${set}:\\s0{16}\n`))
    expect(await codeOf(`nsenter --target ${pid} --mount touch /opt/sallyport/x`)).toBe(1)
    expect(await typed('stat -c %a:%U /run/sallyport /var/lib/sallyport /var/log/sallyport')).toBe(
      '755:sallyport\n700:sallyport\n750:sallyport',
    )
  })

  it('reads the policy again and opens its audit file again by a reload', async () => {
    expect(await statusOf('/news')).toBe('401')
    await typed(`
      echo 'p, anyone, wiki.example.com, /news, read, -, allow' >>/etc/sallyport/policy/policy.csv
      mv /var/log/sallyport/audit.jsonl /var/log/sallyport/audit.jsonl.1
      systemctl reload sallyport`)
    await expect.poll(() => statusOf('/news'), { timeout: 20_000 }).toBe('200')
    await expect.poll(() => codeOf('grep -q /news /var/log/sallyport/audit.jsonl'), { timeout: 20_000 }).toBe(0)
  })

  it('comes back when it is killed, and serves on the sockets again', async () => {
    const pid = await stateOf('MainPID')
    await typed(`kill -9 ${pid}`)
    await expect.poll(() => stateOf('NRestarts'), { timeout: 20_000 }).toBe('1')
    await untilServing()
    expect(await statusOf('/public/a')).toBe('200')
  })

  it('stays down after a mistake in the configuration, which the status names', async () => {
    await typed("sed -i 's/^audit:/audt:/' /etc/sallyport/sallyport.yaml && systemctl restart sallyport")
    await expect.poll(() => stateOf('ActiveState'), { timeout: 20_000 }).toBe('failed')
    expect([await stateOf('ExecMainStatus'), await stateOf('NRestarts')]).toEqual(['2', '0'])
    const said = await podman(['exec', name, 'systemctl', 'status', '--no-pager', 'sallyport'])
    expect(said.stdout).toContain('/etc/sallyport/sallyport.yaml:16:1  audt  there is no such setting')
    await typed("sed -i 's/^audt:/audit:/' /etc/sallyport/sallyport.yaml && systemctl start sallyport")
    await untilServing()
  })

  it('ends with nothing left but its data', async () => {
    await typed('systemctl stop sallyport')
    expect([await stateOf('Result'), await stateOf('ExecMainStatus')]).toEqual(['success', '0'])
    expect(await codeOf('test -e /run/sallyport || test -e /run/credentials/sallyport.service')).toBe(1)
    expect(await typed('ls /var/lib/sallyport')).toContain('sessions.mdb')
  })
})
