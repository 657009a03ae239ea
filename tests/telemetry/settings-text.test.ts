import { expect, test } from 'vitest'
import { settingsText } from '../../app/compose/terminal/settings-text.ts'
import { goodSecret, loadText } from '../config/load-text.ts'

const settings = (more: object) =>
  JSON.stringify({
    server: { url: 'https://auth.example.com' },
    sessions: { secret: goodSecret, ...more },
    providers: [
      {
        name: 'corp',
        issuer: 'https://id.example.com/corp',
        clientId: 'sallyport',
        clientSecret: 'planted-too-0123456789',
      },
    ],
  })

test('of a Redis with a password, only where it is', () => {
  const store = {
    store: 'redis',
    url: 'rediss://planted-user:planted-word@cache.example.com:6380/2?password=planted-query',
  }
  const { config } = loadText(settings({ ...store, binding: 'domain', cookieDomain: 'example.com' }))
  const text = settingsText(config, { revision: 'abc', rows: 7 })
  expect(text).toContain('  sessions           redis rediss://cache.example.com:6380/2 (single)\n')
  expect(text).toContain('  cookies            one for every host below example.com\n')
  expect(text).toContain('  providers          corp (https://id.example.com/corp)\n')
  expect(text).toContain('7 rows, revision abc\n')
  expect(text).not.toContain('planted')
  expect(text).not.toContain(goodSecret)
})

test('of a policy that nobody could say, only where it comes from', () => {
  const text = settingsText(loadText(settings({})).config, undefined)
  expect(text).toMatch(/^ {2}policy +\S+$/m)
  expect(text).not.toContain('rows')
})
