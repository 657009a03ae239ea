# syntax=docker/dockerfile:1
# Sallyport in a container: `docker build -t sallyport .`; the identity provider and the applications of compose.yaml
# are the target `demo`. Runs as uid 1000 and writes to /var/lib/sallyport only, so the root file system can be
# read-only. Pin both base images by digest in your own builds.
ARG NODE_VERSION=24
ARG DEBIAN_RELEASE=bookworm

FROM node:${NODE_VERSION}-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY app ./app
COPY bench ./bench
COPY cli ./cli
COPY config ./config
COPY rbac ./rbac
COPY spelling ./spelling
# The maps are for who works on it: half of all that is built. What measures is no part of a service.
RUN npm run build && find dist -name '*.map' -delete && rm -r dist/bench

FROM node:${NODE_VERSION}-slim AS dependencies
# The list takes the name of this folder.
WORKDIR /sallyport
COPY package.json package-lock.json .npmrc ./
# What is in it, for scanners (CycloneDX), and nothing of it that is for who works on it. With --omit=dev the list would leave out
# each package that such a one needs as well, casbin among them.
RUN npm ci --omit=dev --no-audit --no-fund \
 && npm pkg delete devDependencies \
 && npm sbom --sbom-format=cyclonedx >sbom.cdx.json \
 && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.test.*' \) -delete

# Node alone: npm would be twice as many packages again, which no service runs and each scanner finds.
FROM debian:${DEBIAN_RELEASE}-slim AS base
COPY --from=build /usr/local/bin/node /usr/local/bin/node
ENV NODE_ENV=production
WORKDIR /opt/sallyport
COPY --from=dependencies /sallyport/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=dependencies /sallyport/sbom.cdx.json ./
COPY package.json LICENSE ./
# An empty volume takes over the owner of the directory that it covers.
RUN install -d -o 1000 -g 1000 -m 0700 /var/lib/sallyport
USER 1000:1000

# The demo's identity provider and applications. Never for production: people log in there without a password.
# Its provider is a package that the other target does not have: here all of the locked ones.
FROM base AS demo
COPY --from=build /build/node_modules ./node_modules
COPY deploy/demo ./deploy/demo
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["--help"]

FROM base AS sallyport
LABEL org.opencontainers.image.title="Sallyport" \
      org.opencontainers.image.description="Zero-trust access for whatever sits behind a reverse proxy" \
      org.opencontainers.image.licenses="Apache-2.0"
VOLUME /var/lib/sallyport
EXPOSE 9180
# Asks the admin listener, which stays on loopback. Elsewhere it is put with SALLYPORT_ADMIN_LISTEN, which this reads too.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "const at = process.env.SALLYPORT_ADMIN_LISTEN || '127.0.0.1:9181', path = '/healthz'; require('http').get(at.startsWith('unix:') ? { socketPath: at.slice(5), path, host: 'localhost' } : `http://${at}${path}`, r => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# The code of Node on large pages, where the kernel gives them: a check takes a tenth less (docs/performance.md).
ENTRYPOINT ["node", "--use-largepages=silent", "dist/cli/main.js"]
CMD ["serve", "--config", "/etc/sallyport/sallyport.yaml"]
