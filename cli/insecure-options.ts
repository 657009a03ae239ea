/** The `--allow-insecure-…` flags of a command. */
import { type Command, Option } from 'commander'
import { type InsecureSetting, insecureFlag, insecureNames, insecureSettings } from '../config/checks/insecure.ts'

export function addInsecureOptions(command: Command): Command {
  for (const name of insecureNames) command.addOption(new Option(insecureFlag(name), insecureSettings[name]))
  return command
}

/** The flags that were given. */
export function insecureOptionsOf(options: Readonly<Record<string, unknown>>): Set<InsecureSetting> {
  const attribute = (name: InsecureSetting) => new Option(insecureFlag(name)).attributeName()
  return new Set(insecureNames.filter(name => options[attribute(name)] === true))
}
