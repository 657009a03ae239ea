/** A restart of the workers behind a real NGINX that keeps connections and repeats no request. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { endProcess, freePort, requirePeer } from '../peers.ts'
import { check, post, startLoad, startWorkers } from './service.ts'

const nginx = requirePeer('nginx')

/** `keepalive` below the number of clients: connections are also opened and closed all the time. */
const configuration = (port: number, upstream: number) => `
daemon off; pid nginx.pid; error_log error.log warn;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream sallyport { server 127.0.0.1:${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://sallyport;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream off;
    }
  }
}
`

async function startNginx(binary: string, upstream: number) {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-workers-nginx-'))
  const port = await freePort()
  writeFileSync(join(directory, 'nginx.conf'), configuration(port, upstream))
  const child = spawn(binary, ['-p', directory, '-c', 'nginx.conf'], { stdio: 'ignore' })
  return {
    port,
    errors: () => readFileSync(join(directory, 'error.log'), 'utf8'),
    stop: async () => {
      await endProcess(child)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

describe.skipIf(nginx === undefined)('behind NGINX', () => {
  it('three restarts under load: every request is answered, and NGINX has nothing to complain about', async () => {
    const service = await startWorkers()
    const proxy = await startNginx(nginx ?? '', service.port)
    try {
      const isUp = () => check(proxy, '/public/a').then(({ status }) => status)
      await expect.poll(() => isUp().catch(() => 0)).toBe(200)
      const load = startLoad(proxy, { kept: 8, fresh: 4 })
      for (let round = 0; round < 3; round += 1) {
        await load.untilMore(40)
        expect((await post(service, '/workers/restart')).status).toBe(200)
      }
      await load.untilMore(40)
      const { allowed, failures } = await load.end()
      expect(failures).toEqual([])
      expect(proxy.errors()).toBe('')
      expect(allowed).toBeGreaterThan(100)
    } finally {
      await proxy.stop()
      await service.stop()
    }
  })
})
