/** `--admin` and `--config`, of every command that speaks with a running service. */
import type { Command } from 'commander'

export interface AdminValues {
  readonly admin?: string
  readonly config?: string
}

export const addAdminOption = (command: Command): Command =>
  command.option('--admin <url>', 'admin listener of the service (default: admin.listen, or http://127.0.0.1:9181)')

export const addAdminOptions = (command: Command): Command =>
  addAdminOption(command).option(
    '-c, --config <file>',
    'configuration whose admin.listen it is (default: ./sallyport.yaml)',
  )
