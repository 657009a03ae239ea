/** Whether somebody may do something: golden cases at the running service, and who may ask. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { loopback } from '../../cli/demo/ports.ts'
import { about, type QuestionWorld, startQuestions } from './world.ts'

const policy = `
p, client:apps/payroll,     authzen, /app:todo,            evaluate|search,  -, allow
p, client:apps/payroll,     authzen, /wiki.example.com,    evaluate|search,  -, allow
p, client:apps/payroll,     authzen, /nowhere.example.com, evaluate,         -, allow
p, client:apps/trusted,     authzen, /**,                  *,                -, allow
p, client:apps/narrow,      authzen, /app:todo,            evaluate|explain, -, allow
p, user:ISSUER#alice,       app:todo, /todo/*,             can_read|can_update, -, allow
p, group:ops,               app:todo, /todo/*,             can_delete,       -, allow
p, group:contractors,       app:todo, /todo/2,             can_read,         -, deny
p, role:readers,            app:todo, /todo/*,             can_read,         -, allow
p, authenticated,           app:todo, /list/**,            read,             -, allow
p, group:banned,            app:todo, /list/secret,        read,             -, deny
p, user:ISSUER#alice,       app:todo, /todo/office,        can_delete,       office, allow
p, user:ISSUER#alice,       app:todo, /todo/open,          can_delete,       open, allow
p, user:ISSUER#alice,       app:todo, /todo/mine,          can_delete,       mine, allow
p, user:ISSUER#alice,       app:todo, /todo/mine,          can_delete,       archived, deny
p, service-account:prod/ci/deployer, app:todo, /todo/*,    can_update,       -, allow
p, client:apps/robot,       app:todo, /todo/*,             can_update,       -, allow
p, user:ISSUER#alice,       wiki.example.com, /pages/**,   read,             -, allow
p, user:ISSUER#alice,       wiki.example.com, /pages/x,    GET,              -, deny
p, anyone,                  wiki.example.com, /public/**,  read,             -, allow
p, email:carol@corp.example, wiki.example.com, /carol/**,  read,             -, allow
p, user:ISSUER#carol,       wiki.example.com, /carol/x,    read,             -, deny
g, user:ISSUER#bob,         role:readers, app:todo
`
const conditions = `
office: { source-network: [10.0.0.0/8] }
open: { time-window: { days: mon-fri, from: "09:00", to: "18:00", zone: UTC } }
mine: { claim: { name: department, in: [sales] } }
archived: { property: { of: resource, name: status, in: [archived] } }
`
export const todo = { name: 'todo', types: ['todo', 'list'], actions: ['can_read', 'can_update', 'can_delete', 'read'] }

let world: QuestionWorld
beforeAll(async () => {
  world = await startQuestions(policy, { conditions, applications: [todo] })
})
afterAll(() => world.close())

const wiki = 'url:https://wiki.example.com'

describe('an evaluation', () => {
  it.each([
    // Who asks, whom about, what, on what, and the decision.
    ['payroll', 'user:alice', 'can_read', 'todo:1', true],
    ['payroll', 'identity:alice', 'can_read', 'todo:1', true],
    ['payroll', 'user:ISSUER#alice', 'can_read', 'todo:1', true],
    ['payroll', 'user:https://evil.example#alice', 'can_read', 'todo:1', false],
    ['payroll', 'user:Alice', 'can_read', 'todo:1', false],
    ['payroll', 'user:alice', 'can_delete', 'todo:1', false],
    ['payroll', 'user:bob', 'can_read', 'todo:1', true],
    ['payroll', 'user:nobody', 'can_read', 'todo:1', false],
    ['payroll', 'robot:alice', 'can_read', 'todo:1', false],
    ['payroll', 'user:alice', 'can_fly', 'todo:1', false],
    ['payroll', 'user:alice', 'can_read', 'nothing:1', false, 403],
    ['trusted', 'user:alice', 'can_read', 'nothing:1', false],
    // Nobody has said in which groups Alice is: she may be in the one that is denied.
    ['payroll', 'user:alice', 'can_read', 'todo:2', false],
    ['payroll', 'user:nobody', 'read', 'list:a', true],
    ['payroll', 'user:nobody', 'read', 'list:secret', false],
    ['payroll', 'client:apps/robot', 'can_update', 'todo:1', true],
    ['payroll', 'client:apps/robot', 'can_read', 'todo:1', false],
    ['payroll', 'client:elsewhere/robot', 'can_update', 'todo:1', false],
    ['payroll', 'service-account:prod/ci/deployer', 'can_update', 'todo:1', true],
    ['payroll', 'service-account:blue/ci/deployer', 'can_update', 'todo:1', false],
    ['payroll', 'service-account:prod/ci', 'can_update', 'todo:1', false],
    // Ids are whole, whatever they hold.
    ['payroll', 'user:alice', 'can_read', 'todo:../list/a', true],
    ['payroll', 'user:nobody', 'read', 'list:../../x/%2e%2e', true],
    ['payroll', 'user:alice', 'can_read', 'todo:ü?#;\\', true],
    ['payroll', 'user:alice', 'GET', `${wiki}/pages/a`, true],
    ['payroll', 'user:alice', 'HEAD', `${wiki}/pages/a?q=1`, true],
    ['payroll', 'user:alice', 'POST', `${wiki}/pages/a`, false],
    ['payroll', 'user:alice', 'GET', `${wiki}/pages/x`, false],
    ['payroll', 'user:alice', 'HEAD', `${wiki}/pages/%78`, false],
    ['payroll', 'user:nobody', 'GET', `${wiki}/public/a`, true],
    ['payroll', 'spaceship:x', 'GET', `${wiki}/public/a`, true],
    ['payroll', 'user:alice', 'GET', 'url:https://nowhere.example.com/pages/a', false],
    ['payroll', 'user:alice', 'GET', 'url:https://other.example.com/pages/a', false, 403],
    ['payroll', 'email:carol@corp.example', 'GET', `${wiki}/carol/a`, true],
    ['payroll', 'email:carol@CORP.example', 'GET', `${wiki}/carol/a`, true],
    ['payroll', 'email:Carol@corp.example', 'GET', `${wiki}/carol/a`, false],
    // It may be the Carol whom the row denies.
    ['payroll', 'email:carol@corp.example', 'GET', `${wiki}/carol/x`, false],
    ['stranger', 'user:alice', 'can_read', 'todo:1', false, 403],
    ['narrow', 'user:alice', 'can_read', 'todo:1', true],
    ['narrow', 'user:alice', 'GET', `${wiki}/pages/a`, false, 403],
  ] as const)('asked by %s: %s %s %s is %s', async (as, subject, action, resource, decision, status: number = 200) => {
    const message = about(subject.replace('ISSUER', world.issuer), action, resource)
    const answer = await world.question('evaluation', message, { as })
    expect(answer.status).toBe(status)
    if (status === 200) expect(answer.body).toMatchObject({ decision })
    else expect(answer.body).toBe('the policy does not let you ask about this')
  })

  it.each([
    ['groups let in', 'can_delete', 'todo:1', { groups: ['ops'] }, {}, [false, true]],
    ['groups that are told and deny', 'can_read', 'todo:2', { groups: ['contractors'] }, {}, [false, false]],
    ['groups that are told and do not', 'can_read', 'todo:2', { groups: [] }, {}, [false, true]],
    ['groups of another type are none', 'can_read', 'todo:2', { groups: 'ops' }, {}, [false, false]],
    ['an address of a network', 'can_delete', 'todo:office', { ip_address: '10.1.2.3' }, {}, [false, true]],
    ['the same in the context', 'can_delete', 'todo:office', {}, { ip: '10.1.2.3' }, [false, true]],
    ['what is no address', 'can_delete', 'todo:office', {}, { ip: '10.1.2.3, 8.8.8.8' }, [false, false]],
    ['a time', 'can_delete', 'todo:open', {}, { time: '2026-06-29T10:00Z' }, [undefined, true]],
    ['another time', 'can_delete', 'todo:open', {}, { time: '2026-06-28T10:00:00+02:00' }, [undefined, false]],
  ] as const)(
    '%s: believed where a row says so',
    async (_, action, resource, properties, context, [plain, believed]) => {
      const message = about('user:alice', action, resource)
      const asked = { ...message, subject: { ...message.subject, properties }, context }
      if (plain !== undefined) expect(await world.decides(asked)).toBe(plain)
      expect(await world.decides(asked, { as: 'trusted' })).toBe(believed)
    },
  )

  it('asks conditions for claims and properties of whoever may say so', async () => {
    const asked = (department: string, status?: string) => {
      const message = about('user:alice', 'can_delete', 'todo:mine')
      const resource = { ...message.resource, ...(status !== undefined && { properties: { status } }) }
      return { ...message, subject: { ...message.subject, properties: { department, groups: [] } }, resource }
    }
    const trusted = (message: object) => world.decides(message, { as: 'trusted' })
    expect(await trusted(asked('sales', 'active'))).toBe(true)
    expect(await trusted(asked('legal', 'active'))).toBe(false)
    expect(await trusted(asked('sales', 'archived'))).toBe(false)
    // A deny that hangs on what nobody says applies.
    expect(await trusted(asked('sales'))).toBe(false)
    expect(await world.decides(asked('sales', 'active'))).toBe(false)
  })

  it('says why to whoever may be told, and names what explain takes', async () => {
    const { body } = await world.question('evaluation', about('user:alice', 'can_delete', 'todo:1'), { as: 'narrow' })
    const { id, reason_admin: why } = (body as { context: { id: string; reason_admin: { en: string } } }).context
    expect(why.en).toMatch(/^no-rule-matched, policy [0-9a-f]{16}$/)
    const explained = await fetch(`http://${loopback}:${world.adminPort}/explain/${id}`)
    expect(await explained.json()).toMatchObject({ request: { domain: 'app:todo', action: 'can_delete' } })
    const plain = await world.question('evaluation', about('user:alice', 'can_delete', 'todo:1'))
    expect(plain.body).toEqual({ decision: false })
  })

  it('is written down: who asked about whom, what, and by which row it was decided', async () => {
    const message = about('user:alice', 'can_read', 'todo:audited')
    await world.question('evaluation', message, { headers: { 'x-request-id': 'call-7' } })
    await vi.waitFor(() => {
      const event = world.auditEvents().find(({ resource }) => resource === '/todo/audited')
      expect(event).toMatchObject({
        event: 'access.allowed',
        front: 'authzen',
        subject: `${world.issuer}#alice`,
        domain: 'app:todo',
        action: 'can_read',
        rule: 'policy.csv:7',
        askedBy: 'client:apps/payroll',
        askedAbout: 'user:alice',
        askedId: 'call-7',
      })
    })
    const metrics = await (await fetch(`http://${loopback}:${world.adminPort}/metrics`)).text()
    expect(metrics).toMatch(/sallyport_checks_total\{front="authzen",effect="allow"[^}]*\} [1-9]/)
  })
})

describe('a person with a session', () => {
  it('is who they are there, as at a front', async () => {
    const url = 'https://wiki.example.com/pages/a'
    await world.logIn('bob', url)
    // Bob is a contractor, by his provider.
    expect(await world.decides(about('user:bob', 'can_read', 'todo:1'))).toBe(true)
    expect(await world.decides(about('user:bob', 'can_read', 'todo:2'))).toBe(false)
    const said = about('user:bob', 'can_delete', 'todo:1')
    const asOps = { ...said, subject: { ...said.subject, properties: { groups: ['ops'] } } }
    expect(await world.decides(asOps, { as: 'trusted' })).toBe(false)
  })
})
