/** The proxies that speak HTTP/3, as they are printed and run here; NGINX before 1.25 and HAProxy of Debian have none. */
export const http3Kinds = ['traefik', 'caddy', 'envoy', 'envoy-grpc'] as const
