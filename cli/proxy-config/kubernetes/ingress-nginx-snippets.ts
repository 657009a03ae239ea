/** ingress-nginx: lines of NGINX's own language in the ConfigMap of the controller, which alone may hold them. Pure. */
import { droppedForwarded, namesOfOthers } from './checked-headers.ts'
import { Lines, manifest } from './manifest.ts'

/** `proxy_set_header` of a location takes the place of those that the controller writes only for the same name. */
const dropped = [
  ...new Set([...droppedForwarded.filter(name => !/-(?:host|port|scheme)$/.test(name)), ...namesOfOthers]),
]
  .sort()
  .map(name => `proxy_set_header ${name} "";`)

/** The page that Sallyport makes of an answer of its own; a client cannot ask for it. */
const pageLines = (address: string): Lines => manifest`
internal;
add_header Set-Cookie $sallyport_set_cookie always;
proxy_set_header Host $http_host;
proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
proxy_set_header X-Original-Method $request_method;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Sallyport-Request-Id $sallyport_request_id;
proxy_set_header X-Sallyport-Reason $sallyport_reason;
proxy_set_header X-Sallyport-Redirect $sallyport_login;
proxy_set_header Content-Length "";
proxy_pass_request_body off;
proxy_method GET;
# By a variable, as the controller does with auth-url: NGINX starts where the name is not known yet.
set $sallyport_page ${address};
proxy_pass $sallyport_page;`

/** @param sallyport origin at which the controller reaches it */
export const ingressNginxSnippets = (sallyport: string): Lines => manifest`
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
    if ($sallyport_reason = form) { rewrite ^ /.sallyport/form? last; }
    add_header Set-Cookie $sallyport_set_cookie always;
    add_header Cache-Control no-store always;
    if ($sallyport_redirect = "") { return 401; }
    return 302 $sallyport_redirect;
  }
  location @sallyport_denied {
    # Of NGINX itself: no right that Sallyport denies.
    if ($sallyport_status !~ "403$") { return 403; }
    rewrite ^ /.sallyport/denied? last;
  }
  # The page for a form of somebody who is not logged in, which a redirect would lose; what was typed is not sent here.
  location = /.sallyport/form {
    ${pageLines(`${sallyport}/.sallyport/form`)}
  }
  location = /.sallyport/denied {
    ${pageLines(`${sallyport}/.sallyport/denied`)}
  }
# People are sent to the login, those with a form and those who may not read a page, and scripts get 401. It acts where a location asks Sallyport, and nowhere else.
location-snippet: |
  auth_request_set $sallyport_redirect $upstream_http_x_sallyport_redirect;
  auth_request_set $sallyport_status $upstream_status;
  auth_request_set $sallyport_reason $upstream_http_x_sallyport_reason;
  auth_request_set $sallyport_login $upstream_http_location;
  auth_request_set $sallyport_request_id $upstream_http_x_sallyport_request_id;
  auth_request_set $sallyport_set_cookie $upstream_http_set_cookie;
  error_page 401 = @sallyport_login;
  error_page 403 = @sallyport_denied;
  # What was asked for, for what Sallyport serves on the hosts of applications; and never a client's own word for it.
  proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
  proxy_set_header X-Original-Method $request_method;
  ${new Lines(dropped)}`
