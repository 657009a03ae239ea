import { describeMigration } from './suite.ts'

// Its domains are those of hosts and of addresses at once.
describeMigration('vouch', { proxy: 'nginx', standIns: [['[example.com]', '[example.com, localhost]']] })
