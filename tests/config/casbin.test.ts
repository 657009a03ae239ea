/** `policy.casbin`: what it becomes, and what is refused because it would be believed to be in force. */
import { describe, expect, it } from 'vitest'
import { formatProblems } from '../../config/problems.ts'
import { loadText, minimal, problemsOf } from './load-text.ts'

const load = (casbin: string, env: Readonly<Record<string, string>> = {}) =>
  loadText(`${minimal}\npolicy: { casbin: ${casbin} }\n`, { env }).config.policy.casbin
const refused = (casbin: string) => formatProblems(problemsOf(`${minimal}\npolicy: { casbin: ${casbin} }\n`))

describe('policy.casbin', () => {
  it('is absent by default, and where only its heading stands', () => {
    expect(loadText(minimal).config.policy.casbin).toBeUndefined()
    expect(load('{}')).toBeUndefined()
  })

  it('has paths beside the configuration file, names and hosts', () => {
    const section =
      '{ model: casbin/model.conf, policy: /srv/rows.csv, subjects: ["u:{sub}", anyone], domains: [a.example.com] }'
    expect(load(section)).toEqual({
      model: '/etc/sallyport/casbin/model.conf',
      policy: '/srv/rows.csv',
      subjects: ['u:{sub}', 'anyone'],
      domains: ['a.example.com'],
    })
  })

  it('has rows from an adapter instead, found from the directory of the configuration, with a watcher', () => {
    const adapter =
      '{ module: casbin-pg-adapter, options: { a: 1 }, timeout: 3s, watcher: { module: "@casbin/redis-watcher" } }'
    expect(load(`{ model: m.conf, adapter: ${adapter} }`)).toEqual({
      model: '/etc/sallyport/m.conf',
      adapter: {
        module: 'casbin-pg-adapter',
        options: { a: 1 },
        from: '/etc/sallyport',
        timeoutSeconds: 3,
        pollEverySeconds: 60,
        watcher: { module: '@casbin/redis-watcher' },
      },
    })
  })

  it('comes from the environment as well', () => {
    const env = {
      SALLYPORT_POLICY_CASBIN_MODEL: '/m.conf',
      SALLYPORT_POLICY_CASBIN_POLICY: '/p.csv',
      SALLYPORT_POLICY_CASBIN_DOMAINS: 'a.example.com, *.b.example.com',
    }
    expect(load('{}', env)).toEqual({
      model: '/m.conf',
      policy: '/p.csv',
      domains: ['a.example.com', '*.b.example.com'],
    })
  })

  it.each([
    ['{ policy: p.csv }', 'policy.casbin.model  is missing: expected a path'],
    ['{ domains: [a.example.com] }', 'policy.casbin.model  is missing: expected a path'],
    ['{ adapter: { module: x } }', 'policy.casbin.model  is missing: expected a path'],
    ['{ model: m.conf }', 'policy.casbin.policy  expected rows from one place'],
    ['{ model: m.conf, policy: p.csv, adapter: { module: x } }', 'policy.casbin.policy  expected rows from one place'],
    ['{ model: m.conf, policy: p.csv, adapter: { options: { password: hunter2 } } }', 'policy.casbin.adapter'],
    ['{ model: m.conf, policy: p.csv, adapter: { watcher: { module: x } } }', 'policy.casbin.adapter'],
    ['{ model: m.conf, policy: p.csv, subjects: [] }', 'policy.casbin.subjects'],
    ['{ model: m.conf, policy: p.csv, rows: x }', 'policy.casbin.rows'],
    ['{ model: m.conf, adapter: { module: ./adapter.mjs } }', 'policy.casbin.adapter.module'],
  ])('%s is refused, and no password is shown', (section, why) => {
    const text = refused(section)
    expect(text).toContain(why)
    expect(text).not.toContain('hunter2')
  })
})
