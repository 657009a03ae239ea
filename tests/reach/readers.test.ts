/** Readers of a live cluster against answers that a real one seldom gives: pages, refusals, and what is not to be believed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readByApiServer } from '../../app/kubernetes/reading/api-server.ts'
import { decodedStream } from '../../app/kubernetes/reading/decoded.ts'
import { longestFile, readFiles } from '../../app/kubernetes/reading/files.ts'
import { readByKubectl } from '../../app/kubernetes/reading/kubectl.ts'
import type { ApiCall, ApiResult } from '../../app/kubernetes/rights/api-calls.ts'
import type { ClusterObjects } from '../../rbac/reach/objects.ts'
import { createReading, type Reading } from '../../rbac/reach/reading/reading.ts'

const directory = mkdtempSync(join(tmpdir(), 'sallyport-readers-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function readBy(read: (reader: { readonly reading: Reading; readonly progress: () => void }) => Promise<void>) {
  const reading = createReading({ assumesShippedRoles: false })
  await read({ reading, progress: () => undefined })
  return reading.finish()
}

const told = ({ problems }: ClusterObjects): string[] =>
  problems.map(({ code, object = '', unread = 0, message }) => `${code} ${object} ${unread}: ${message}`)
const node = (name: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } })
const version = { major: '1', minor: '37', gitVersion: 'v1.37.0' }

describe('the API server', () => {
  const page = (names: readonly string[], next?: string): ApiResult => ({
    status: 200,
    body: { kind: 'NodeList', apiVersion: 'v1', metadata: { continue: next }, items: names.map(node) },
  })
  const failed = (status: number): ApiResult => ({ status, body: { message: `answered ${status}` } })

  /** Nodes are answered one after the other, everything else is empty. */
  async function read(
    answers: readonly ApiResult[],
    other: (call: ApiCall) => ApiResult | undefined = () => undefined,
  ) {
    const asked: ApiCall[] = []
    const left = [...answers]
    const call = (one: ApiCall): Promise<ApiResult> => {
      asked.push(one)
      if (one.target === '/version') return Promise.resolve(other(one) ?? { status: 200, body: version })
      const answer = one.target.startsWith('/api/v1/nodes?') ? left.shift() : other(one)
      return Promise.resolve(answer ?? page([]))
    }
    const scansSecrets = asked.length === 0 && other({ method: 'GET', target: 'secrets' }) !== undefined
    const objects = await readBy(reader => readByApiServer({ call, source: 'prod', scansSecrets }, reader))
    const targets = asked.map(({ target }) => target).filter(target => target.startsWith('/api/v1/nodes'))
    return { objects, names: objects.nodes.map(({ name }) => name), targets, asked, left: left.length }
  }

  test('is asked for one page after the other, by what each says of the next', async () => {
    const { names, targets, objects, asked } = await read([page(['a'], 'x=&y'), page(['b'], 'z'), page(['c'])])
    expect(names).toEqual(['a', 'b', 'c'])
    expect(targets).toEqual(['', '&continue=x%3D%26y', '&continue=z'].map(more => `/api/v1/nodes?limit=500${more}`))
    expect([objects.problems, objects.objectsSeen, objects.serverVersion]).toEqual([[], 3, '1.37'])
    expect(objects.kindsRead).toContain('Pod')
    expect(asked.some(({ target }) => target.includes('secrets'))).toBe(false)
  })

  test('that has forgotten the beginning of a list is asked for all of it, and nothing counts twice', async () => {
    const { names, targets, objects } = await read([page(['a'], 'x'), failed(410), page(['a', 'b', 'c'])])
    expect([names, objects.problems]).toEqual([['a', 'b', 'c'], []])
    expect(targets.at(-1)).toBe('/api/v1/nodes?')
  })

  test.each([403, 404])(
    'that answers %d gives none of a kind, not even what came before, and it is said',
    async status => {
      const { names, objects } = await read([page(['a'], 'x'), failed(status)])
      expect([names, told(objects)]).toEqual([
        [],
        [`not-permitted Node 0: none of this kind is read: answered ${status}`],
      ])
      expect(objects.kindsRead).not.toContain('Node')
      expect(objects.kindsRead).toContain('Pod')
    },
  )

  test.each<[string, readonly ApiResult[], string]>([
    ['fails', [page(['a'], 'x'), failed(500)], '/api/v1/nodes: answered 500'],
    ['does not know who asks', [failed(401)], '/api/v1/nodes: answered 401'],
    ['forgets what it was asked for at once', [failed(410), failed(410)], '/api/v1/nodes: answered 410'],
    ['answers with a page for people', [{ status: 200, body: undefined }], 'the answer is no object'],
    ['answers with nothing', [{ status: 200, body: null }], 'the answer is no object'],
    ['goes round in circles', [page(['a'], 'x'), page(['b'], 'x'), page(['c'])], 'the list comes to no end'],
  ])('that %s ends the reading', async (_, answers, message) => {
    await expect(read(answers)).rejects.toThrow(message)
  })

  test('is believed of its version where it answers alone', async () => {
    const { objects } = await read([], () => ({ status: 403, body: version }))
    expect([objects.serverVersion, told(objects)[0]]).toEqual([undefined, expect.stringContaining('server-version')])
  })

  test('is asked for Secrets as a table, of which name and type are read', async () => {
    const rows = [{ cells: ['key', 'example.com/kind', 1], object: { metadata: { name: 'key', namespace: 'shop' } } }]
    const columnDefinitions = ['Name', 'Type', 'Data'].map(name => ({ name }))
    const { objects, asked } = await read([], ({ target }) =>
      target.includes('secrets') ? { status: 200, body: { kind: 'Table', columnDefinitions, rows } } : undefined,
    )
    expect(objects.secrets).toMatchObject([{ name: 'key', namespace: 'shop', type: 'example.com/kind' }])
    const accepted = asked.filter(({ accept }) => accept !== undefined)
    expect(accepted.map(({ target }) => target)).toEqual(['/api/v1/secrets?limit=500'])
    expect(accepted[0]?.accept).toContain('as=Table')
  })
})

describe('kubectl', () => {
  /** @param body of a shell script; what it is given stands in `$*` */
  function read(body: string, scansSecrets = false): Promise<ClusterObjects> {
    const program = join(mkdtempSync(join(directory, 'bin-')), 'kubectl')
    const rest = `*--raw*) echo '${JSON.stringify(version)}';;\n*) echo '{"kind":"List","apiVersion":"v1","items":[]}';;`
    writeFileSync(program, `#!/bin/sh\ncase "$*" in\n${body}\n${rest}\nesac\n`, { mode: 0o700 })
    const options = { program, scansSecrets, env: { PATH: '/usr/bin:/bin' }, onLogin: () => undefined }
    return readBy(reader => readByKubectl(options, reader))
  }

  /** As kubectl prints by a template: `{.type}` as it is, `{.metadata}` as JSON. */
  const secrets = (...list: readonly { readonly name: string; readonly type: string }[]) => {
    const file = join(mkdtempSync(join(directory, 'secrets-')), 'list')
    const lines = list.map(({ name, type }) => `${JSON.stringify({ name, namespace: 'shop' })}MARK${type}MARK\n`)
    writeFileSync(file, lines.join(''))
    return `*"get secrets "*) mark=$(printf %s "$*" | grep -oE '[0-9a-f-]{36}' | head -1); sed "s/MARK/$mark/g" ${file};;`
  }

  test('M36 hands on the type of a Secret, whatever it holds, and nothing is made of it', async () => {
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'made-up' },
      roleRef: { kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'User', name: 'alice' }],
    }
    const type = `x","metadata":{"name":"a"}}\n${JSON.stringify(binding)}\n{"x":"`
    const objects = await read(secrets({ name: 'evil', type }, { name: 'key', type: 'Opaque' }), true)
    expect(objects.bindings).toEqual([])
    expect(objects.secrets.map(one => [one.namespace, one.name, one.type])).toEqual([
      ['shop', 'evil', type],
      ['shop', 'key', 'Opaque'],
    ])
    expect([objects.objectsSeen, objects.problems]).toEqual([2, []])
  })

  test('that prints something else of Secrets is told of', async () => {
    const cut = `*"get secrets "*) echo '{"name":"a"';;`
    expect(told(await read(cut, true))).toEqual(['cut-off Secret 1: the names of Secrets end in the middle'])
    const odd = secrets({ name: 'a', type: 'b' }).replace('sed "s/MARK', 'sed "s/name/\\"/; s/MARK')
    expect(told(await read(odd, true))).toEqual(['unreadable-document Secret 1: the metadata of a Secret is no JSON'])
  })

  test('that prints nothing of a kind has read it', async () => {
    const objects = await read('*"get nodes "*) exit 0;;')
    expect([objects.kindsRead.has('Node'), objects.problems]).toEqual([true, []])
  })

  test.each([
    'error: the server could not find the requested resource',
    "error: the server doesn't have a resource type",
  ])('that knows no such kind (%s) is told of, by its last line', async message => {
    const objects = await read(`*"get nodes "*) echo "first" >&2; echo "${message}" >&2; exit 1;;`)
    expect(told(objects)).toEqual([`not-permitted Node 0: none of this kind is read: ${message}`])
    expect(objects.kindsRead.has('Node')).toBe(false)
  })

  test('that says nothing and fails is an error with its code', async () => {
    await expect(read('*"get nodes "*) exit 7;;')).rejects.toThrow('kubectl get nodes failed: exit code 7')
  })

  test('that may not ask for the version goes on', async () => {
    const objects = await read('*--raw*) echo "{}"; echo "Error: forbidden" >&2; exit 1;;')
    expect(told(objects)).toEqual([expect.stringContaining('server-version')])
  })

  test('is asked for who manages accounts, in all namespaces, and its order is that of the kinds', async () => {
    const log = join(directory, 'asked')
    await read(`*"get no"*) echo "$*" >> ${log}; echo '{"kind":"List","items":[]}';;
*"get serviceaccounts "*) echo "$*" >> ${log}; echo '{"kind":"List","items":[]}';;`)
    const asked = readFileSync(log, 'utf8').trim().split('\n').sort()
    expect(asked).toEqual([
      'get nodes --all-namespaces --chunk-size=500 -o json',
      'get serviceaccounts --all-namespaces --chunk-size=500 --show-managed-fields -o json',
    ])
    const role = (name: string) =>
      `{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","labels":{"from":"${name}"}}}`
    // The first kind comes last: what it says is added first all the same, and the later one counts.
    const done = join(directory, 'done')
    const objects =
      await read(`*"get clusterroles."*) while [ ! -f ${done} ]; do sleep 0.02; done; echo '${role('first')}';;
*"get roles."*) echo '${role('second')}'; touch ${done};;`)
    expect(objects.nodes.map(({ labels }) => labels.from)).toEqual(['second'])
  })
})

describe('files', () => {
  const read = (...paths: string[]) =>
    readBy(reader => readFiles({ paths, cwd: directory, stdin: () => Promise.resolve(new Uint8Array()) }, reader))
  const folder = (name: string): string => {
    mkdirSync(join(directory, name))
    return join(directory, name)
  }

  test('within a folder are read by name: the last of two counts', async () => {
    const path = folder('order')
    for (const name of ['b', 'a', 'c'])
      writeFileSync(
        join(path, `${name}.json`),
        `${JSON.stringify({ ...node('n'), metadata: { name: 'n', labels: { from: name } } })}\n`,
      )
    const objects = await read('order')
    expect(objects.nodes.map(({ labels }) => labels.from)).toEqual(['c'])
    expect(objects.problems.map(({ code }) => code)).toEqual(['duplicate', 'duplicate'])
  })

  test('that lead nowhere, whatever they are called, are told of', async () => {
    const path = folder('links')
    symlinkSync('gone', join(path, 'some'))
    symlinkSync('gone', join(path, 'some.yaml'))
    writeFileSync(join(path, 'a.yaml'), 'apiVersion: v1\nkind: Node\nmetadata: { name: a }\n')
    expect(told(await read('links'))).toEqual([
      'unreadable-document  0: it cannot be opened',
      'unreadable-document  0: it cannot be opened',
    ])
  })

  test('that are longer than a text may be are told of, and not read', async () => {
    const path = join(directory, 'long.yaml')
    writeFileSync(path, '')
    truncateSync(path, longestFile + 1)
    const objects = await read('long.yaml')
    expect(told(objects)).toEqual([expect.stringMatching(/^too-much {2}0: it has \d+ bytes, more than \d+: split it$/)])
    rmSync(path)
  })

  test('that are there and cannot be read are told of', async () => {
    symlinkSync('/proc/self/mem', join(folder('closed'), 'a.yaml'))
    expect(told(await read('closed'))).toEqual([expect.stringContaining('it is not read: EIO')])
  })
})

describe('a stream of bytes', () => {
  const text = async (...parts: readonly (readonly number[])[]): Promise<string> => {
    async function* stream() {
      for (const part of parts) yield Uint8Array.from(part)
    }
    let whole = ''
    for await (const part of decodedStream(stream())) whole += part
    return whole
  }

  test.each<[string, readonly (readonly number[])[], string]>([
    ['of one byte', [[0x61]], 'a'],
    ['of none', [], ''],
    ['with a character in two parts', [[0x61, 0xc3], [0xa9]], 'aé'],
    ['that ends within a character', [[0x61, 0x62, 0xc3]], 'ab\uFFFD'],
    ['with a mark in two parts', [[0xff], [0xfe, 0x61, 0x00]], 'a'],
    ['the other way round', [[0xfe, 0xff, 0x00, 0x61]], 'a'],
    ['that begins with half a mark', [[0xff, 0x61]], '\uFFFDa'],
    ['that begins with the other half', [[0xfe, 0x61]], '\uFFFDa'],
    ['that begins with the end of a mark', [[0x61, 0xff]], 'a\uFFFD'],
  ])('%s', async (_, parts, expected) => {
    expect(await text(...parts)).toBe(expected)
  })
})
