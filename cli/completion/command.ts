/** `sallyport completion <shell>`. */
import { Argument, type Command } from 'commander'
import { completeCommand } from '../lazy-commands.ts'
import { exitCodes, type Terminal } from '../terminal.ts'

const help = `
Prints a script by which a shell completes commands, options and their values. It holds all words itself, so print it again
after an update.

Examples:
  $ source <(sallyport completion bash)                                   for this shell
  $ sallyport completion bash > ~/.local/share/bash-completion/completions/sallyport
  $ echo 'source <(sallyport completion zsh)' >> ~/.zshrc
  $ sallyport completion fish > ~/.config/fish/completions/sallyport.fish`

export function addCompletion(program: Command, terminal: Terminal, onExit: (code: number) => void): void {
  program
    .command('completion')
    .description('print what makes a shell complete commands and options')
    .addArgument(new Argument('<shell>', 'for which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', help)
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const [{ completionScript }, { wordsOf }] = await Promise.all([import('./scripts.ts'), import('./words.ts')])
      for (const command of program.commands) await completeCommand(command)
      terminal.write(completionScript(shell, wordsOf(program)))
      onExit(exitCodes.ok)
    })
}
