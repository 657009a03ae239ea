/**
 * `npm run bench [-- case… --json --save]`: how fast a check is, as a ratio to a bare `node:http` server in the same run.
 * `npm run bench -- --help` names the cases and experiments.
 *
 * Only ratios carry over to another machine. `--save` writes bench/result.json, which later runs are compared with.
 * Each role imports only what it needs: the yardstick must not carry the memory of the others.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    role: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '11' },
    seconds: { type: 'string', default: '1' },
    'warm-up': { type: 'string', default: '2' },
    connections: { type: 'string', default: '16' },
    sizes: { type: 'string' },
  },
})

if (values.role !== undefined) {
  process.on('disconnect', () => process.exit())
  await runRole(values.role)
} else if (values.help) {
  const { helpText } = await import('./catalogue.ts')
  console.log(helpText())
} else if (values.profile) {
  const { runProfile } = await import('./profile.ts')
  await runProfile(positionals[0] ?? 'check-cached', { seconds: Number(values.seconds) * 10, ...measureOptions() })
} else {
  const { runBench } = await import('./run-bench.ts')
  const sizes = values.sizes === undefined ? {} : { sizes: values.sizes.split(',').map(Number) }
  await runBench(positionals, { ...measureOptions(), ...sizes, isJson: values.json, isSaved: values.save })
}

function measureOptions() {
  return {
    rounds: Number(values.rounds),
    secondsPerRun: Number(values.seconds),
    warmUpSeconds: Number(values['warm-up']),
    connections: Number(values.connections),
  }
}

async function runRole(role: string): Promise<void> {
  const [first = '', second] = positionals
  switch (role) {
    case 'bare':
      return (await import('./bare-server.ts')).runBareServer(JSON.parse(first), Number(second ?? 1))
    case 'naive': {
      const redis = second === undefined ? {} : { redisUrl: second }
      return (await import('./naive-server.ts')).runNaiveServer({ rows: Number(first), ...redis })
    }
    case 'load':
      return (await import('./load-generator.ts')).runLoadGenerator()
    case 'raw':
      return (await import('./raw-responder.ts')).runRawResponder()
    case 'policy':
      return (await import('./policy-process.ts')).runPolicyProcess({ rows: Number(first), domains: Number(second) })
    case 'ending':
      return (await import('./ending-process.ts')).runEndingProcess(JSON.parse(first))
    case 'bare-gateway':
      return (await import('./gateway/bare-gateway.ts')).runBareGateway(JSON.parse(readFileSync(first, 'utf8')))
    case 'bare-grpc':
      return (await import('./grpc/bare-check-server.ts')).runBareCheckServer(Buffer.from(first, 'base64'))
    case 'checks':
      return (await import('./grpc/check-generator.ts')).runCheckGenerator()
    case 'calls':
      return (await import('./gateway/call-generator.ts')).runCallGenerator()
    default:
      throw new Error(`there is no role ${role}`)
  }
}
