/** One licence, wherever it is named. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
const spdx = 'Apache-2.0'

it('is named by its SPDX identifier in the package, its lock, the image and LICENSE', () => {
  expect(JSON.parse(read('package.json')).license).toBe(spdx)
  expect(JSON.parse(read('package-lock.json')).packages[''].license).toBe(spdx)
  expect(read('Dockerfile')).toContain(`org.opencontainers.image.licenses="${spdx}"`)
  expect(read('LICENSE').split('\n', 1)).toEqual([`SPDX-License-Identifier: ${spdx}`])
})
