import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { createResources } from '../../bench/resources.ts'
import { createServiceFolder } from '../../bench/service-folder.ts'
import { loadConfig } from '../../config/load.ts'

test('planted sessions are as good as new for as long as they last: a long bench asks no provider', async () => {
  const resources = createResources()
  try {
    const { configFile, planted } = await createServiceFolder({ rows: 10 }, resources)
    expect(planted).toHaveLength(1)
    const { sessions } = loadConfig({
      file: configFile,
      directory: dirname(configFile),
      env: {},
      readFile: path => readFileSync(path, 'utf8'),
      fileMode: path => statSync(path).mode,
      allowInsecure: new Set(),
    }).config
    expect(sessions.lifetimeSeconds).toBeGreaterThan(3_600)
    expect(sessions.verifyEverySeconds).toBeGreaterThanOrEqual(sessions.lifetimeSeconds)
  } finally {
    await resources.end()
  }
})
