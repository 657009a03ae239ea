import { describeMigration } from './suite.ts'

describeMigration('authelia', { proxy: 'caddy' })
