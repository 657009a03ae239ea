import { describeMigration } from './suite.ts'

describeMigration('pomerium', { proxy: 'nginx' })
