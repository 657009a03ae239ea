import { describeMigration } from './suite.ts'

describeMigration('oauth2-proxy', { proxy: 'nginx' })
