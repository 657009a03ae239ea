/** A Home Assistant on loopback with what its page prints, set up as its own first page does, and asked as its own pages ask. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../peers.ts'
import { startProgram, temporaryFolder } from '../products/product.ts'
import { type Answer, ask, type Question } from './ask.ts'

/** Of its only account. */
export const account = { username: 'mum', password: 'The password of mum, 1' }

const json = ({ status, body }: Answer): Readonly<Record<string, string>> => {
  if (status >= 300) throw new Error(`Home Assistant answered ${status}: ${body.slice(0, 500)}`)
  return JSON.parse(body) as Readonly<Record<string, string>>
}

/**
 * @param folder of its virtual environment
 * @param printed `configuration.yaml` of the page
 */
export async function startHomeAssistant(folder: string, printed: string) {
  const temporary = temporaryFolder('home-assistant')
  const port = await freePort()
  // A network that is trusted tells, by what it offers, from where it takes somebody to come.
  const rest = `
  server_port: ${port}
frontend:
webhook:
homeassistant:
  auth_providers:
    - type: homeassistant
    - type: trusted_networks
      trusted_networks: [203.0.113.0/24]
`
  writeFileSync(join(temporary.path, 'configuration.yaml'), printed.trimEnd() + rest)
  const args = ['-c', temporary.path, '--skip-pip']
  const ready = `http://127.0.0.1:${port}/manifest.json`
  const running = await startProgram(join(folder, 'bin', 'hass'), args, ready, { cwd: temporary.path })
  return {
    port,
    async stop() {
      await running.stop()
      temporary.remove()
    },
  }
}

/** What its first page asks for, each step of it. */
export async function setUp(port: number): Promise<void> {
  const host = `127.0.0.1:${port}`
  const client = `http://${host}/`
  const step = (name: string, body: unknown, headers = {}) =>
    ask(`/api/onboarding/${name}`, { port, host, method: 'POST', body, headers })
  const { auth_code: code = '' } = json(
    await step('users', { client_id: client, name: 'Mum', language: 'en', ...account }),
  )
  const headers = { authorization: `Bearer ${await tokenOf(code, { port, host })}` }
  await step('core_config', {}, headers)
  await step('analytics', {}, headers)
  json(await step('integration', { client_id: client, redirect_uri: client }, headers))
}

async function tokenOf(code: string, question: Question): Promise<string> {
  const form = { grant_type: 'authorization_code', code, client_id: `http://${question.host}/` }
  const body = new URLSearchParams(form).toString()
  return json(await ask('/auth/token', { ...question, method: 'POST', body })).access_token ?? ''
}

/** As its own form does, on its way with the headers of the question. @returns the token of its pages */
export async function logInThere(question: Question): Promise<string> {
  const client = `http://${question.host}/`
  const post = (path: string, body: unknown) => ask(path, { ...question, method: 'POST', body }).then(json)
  const start = { client_id: client, redirect_uri: client, handler: ['homeassistant', null] }
  const { flow_id: flow } = await post('/auth/login_flow', start)
  const { result: code = '' } = await post(`/auth/login_flow/${flow}`, { client_id: client, ...account })
  const form = new URLSearchParams({ grant_type: 'authorization_code', code, client_id: client }).toString()
  return json(await ask('/auth/token', { ...question, method: 'POST', body: form })).access_token ?? ''
}

/** How people may log in from where Home Assistant takes the question to come from. */
export async function waysIn(question: Question): Promise<readonly string[]> {
  const { body } = await ask('/auth/providers', question)
  return (JSON.parse(body) as { providers: { type: string }[] }).providers.map(({ type }) => type)
}
