import { describeMigration } from './suite.ts'

describeMigration('traefik-forward-auth', { proxy: 'traefik' })
