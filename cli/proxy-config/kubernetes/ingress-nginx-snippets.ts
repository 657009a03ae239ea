/** ingress-nginx: lines of NGINX's own language in the ConfigMap of the controller, which alone may hold them. Pure. */
import { droppedForwarded, namesOfOthers } from './checked-headers.ts'
import { Lines, manifest } from './manifest.ts'

/** `proxy_set_header` of a location takes the place of those that the controller writes only for the same name. */
const dropped = [
  ...new Set([...droppedForwarded.filter(name => !/-(?:host|port|scheme)$/.test(name)), ...namesOfOthers]),
]
  .sort()
  .map(name => `proxy_set_header ${name} "";`)

export const ingressNginxSnippets = manifest`
# \`GET http://other/\` with another Host: NGINX serves the one, and the controller asks Sallyport about the other. It is refused.
http-snippet: |
  map "$host $http_host" $sallyport_other_host {
    default 1;
    "~*^(?<sallyport_name>[^ ]+) \\k<sallyport_name>(:[0-9]+)?$" 0;
  }
# And every upgrade but that to a WebSocket: after 101 for h2c the same connection asks for any path, and nobody is asked about it.
server-snippet: |
  if ($sallyport_other_host) { return 400; }
  if ($http_upgrade !~* "^(websocket)?$") { return 400; }
  location @sallyport_login {
    add_header Set-Cookie $sallyport_set_cookie always;
    add_header Cache-Control no-store always;
    if ($sallyport_redirect = "") { return 401; }
    return 302 $sallyport_redirect;
  }
# People are sent to the login, and scripts get 401. It acts where a location asks Sallyport, and nowhere else.
location-snippet: |
  auth_request_set $sallyport_redirect $upstream_http_x_sallyport_redirect;
  auth_request_set $sallyport_set_cookie $upstream_http_set_cookie;
  error_page 401 = @sallyport_login;
  # What was asked for, for what Sallyport serves on the hosts of applications; and never a client's own word for it.
  proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
  proxy_set_header X-Original-Method $request_method;
  ${new Lines(dropped)}`
