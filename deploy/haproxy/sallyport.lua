-- The action `sallyport`: asks Sallyport about a request before any of it goes on. `http-request lua.sallyport ADDRESS`, with
-- the address of the proxy `sallyport-check` in haproxy.cfg, which passes the question on.
--
-- Only where Sallyport allows is `txn.sallyport_allowed` set, as the last thing that is done. Whatever else happens here (an
-- error, no answer, half an answer) leaves it unset, and the line below the action in haproxy.cfg denies. Lua 5.3 of HAProxy
-- alone: no library is needed.

-- What the application receives, each one in the place of whatever was there. `cookie` is the original header without
-- Sallyport's session cookie.
local given = { 'remote-user', 'remote-email', 'remote-name', 'remote-groups', 'x-sallyport-assertion', 'cookie' }

-- On hosts with `authorization` in Sallyport's configuration alone; elsewhere the client's own goes on.
local given_by_some = 'authorization'

-- Longer than the limits of the proxy `sallyport-check`, which end a question that is not answered.
local timeout_ms = 30000

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

-- About the connection or the body (RFC 9110 section 7.6.1): not of the question, not of the answer.
local hop_by_hop = set_of { 'connection', 'content-length', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding' }
local not_asked = set_of { 'expect', 'host' }

-- HAProxy counts the lines of a header from 0.
local function lines_of(values)
  local lines = {}
  for place = 0, #values do lines[place + 1] = values[place] end
  return lines
end

local function question_of(txn)
  local headers = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    if not hop_by_hop[name] and not not_asked[name] then headers[name] = lines_of(values) end
  end
  -- The client of HTTP that is used here adds both where they are absent; the proxy `sallyport-check` takes them away again,
  -- so that a condition of the policy sees what was sent.
  local absent = {}
  for _, name in ipairs { 'accept', 'user-agent' } do
    if headers[name] == nil then absent[#absent + 1] = name end
  end
  headers['x-sallyport-absent'] = { table.concat(absent, ' ') }
  headers['x-forwarded-method'] = { txn.f:method() }
  -- As the client wrote it, byte for byte.
  headers['x-forwarded-uri'] = { txn.f:pathq() }
  return headers
end

-- The only line of a header of the answer.
local function only(answer, name)
  local values = answer.headers[name]
  if values == nil or #values > 0 then error('the answer has not exactly one ' .. name) end
  return values[0]
end

local function replace(http, name, value)
  http:req_del_header(name)
  -- There may be no room for it.
  if value ~= '' and http:req_add_header(name, value) == false then error('no room for ' .. name) end
end

local function let_through(txn, answer)
  if tonumber(only(answer, 'content-length')) ~= #answer.body then error('the answer was cut off') end
  for _, name in ipairs(given) do replace(txn.http, name, only(answer, name)) end
  if answer.headers[given_by_some] ~= nil then replace(txn.http, given_by_some, only(answer, given_by_some)) end
  -- A cookie that is worth nothing is cleared, beside a page that is open to everybody as well: haproxy.cfg adds it.
  if answer.headers['set-cookie'] ~= nil then txn:set_var('txn.sallyport_set_cookie', only(answer, 'set-cookie')) end
  txn:set_var('txn.sallyport_allowed', true)
end

local function relay(txn, answer)
  local reply = txn:reply { status = answer.status, reason = answer.reason }
  for name, values in pairs(answer.headers) do
    if not hop_by_hop[name] then
      for _, value in ipairs(lines_of(values)) do reply:add_header(name, value) end
    end
  end
  if txn.f:method() ~= 'HEAD' then reply:set_body(answer.body) end
  txn:done(reply)
end

core.register_action('sallyport', { 'http-req' }, function(txn, address)
  local answer = core.httpclient():get {
    url = 'http://sallyport/verify/forward-auth',
    dst = address,
    headers = question_of(txn),
    timeout = timeout_ms,
  }
  if answer.status == 200 then return let_through(txn, answer) end
  if answer.status == nil or answer.status < 300 then error('no answer') end
  relay(txn, answer)
end, 1)
