/**
 * `npm run bench [-- case… --json --save]`: how fast a check is, as a ratio to a bare `node:http` server in the same run.
 * `npm run bench -- policy [--json]`: what a policy of each size costs, as a ratio to one of ten rows in the same run.
 *
 * Only ratios carry over to another machine. `--save` writes bench/result.json, which later runs are compared with.
 * Each role imports only what it needs: the yardstick must not carry the memory of the others.
 */
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    role: { type: 'string' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '11' },
    seconds: { type: 'string', default: '1' },
    'warm-up': { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
  },
})

if (values.role === undefined && positionals.length === 1 && positionals[0] === 'policy') {
  const { runPolicyBench } = await import('./run-policy-bench.ts')
  await runPolicyBench({ isJson: values.json, rounds: Number(values.rounds) })
} else if (values.role === undefined) {
  const { runBench } = await import('./run-bench.ts')
  await runBench(positionals, {
    isJson: values.json,
    isSaved: values.save,
    rounds: Number(values.rounds),
    secondsPerRun: Number(values.seconds),
    warmUpSeconds: Number(values['warm-up']),
    connections: Number(values.connections),
  })
} else {
  process.on('disconnect', () => process.exit())
  await runRole(values.role)
}

async function runRole(role: string): Promise<void> {
  switch (role) {
    case 'bare':
      return (await import('./bare-server.ts')).runBareServer()
    case 'naive':
      return (await import('./naive-server.ts')).runNaiveServer(positionals[0])
    case 'load':
      return (await import('./load-generator.ts')).runLoadGenerator()
    case 'policy':
      return (await import('./policy-process.ts')).runPolicyProcess({
        rows: Number(positionals[0]),
        domains: Number(positionals[1]),
      })
    default:
      throw new Error(`there is no role ${role}`)
  }
}
