# syntax=docker/dockerfile:1
# Sallyport in a container: `docker build -t sallyport .`; the identity provider and the applications of compose.yaml
# are the target `demo`. Runs as uid 1000 and writes to /var/lib/sallyport only, so the root file system can be
# read-only. Pin the base image by digest in your own builds.
ARG NODE_VERSION=24

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
RUN npm run build

FROM node:${NODE_VERSION}-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:${NODE_VERSION}-slim AS base
ENV NODE_ENV=production
WORKDIR /opt/sallyport
COPY --from=dependencies /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
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
