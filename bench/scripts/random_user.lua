-- wrk: each request as another of 10,000 players; METHOD, FIRST_USER, USERS, IN_TURN,
-- ACCEPT_ENCODING, IF_NONE_MATCH and AUTHORIZATION from the environment.
local method = os.getenv("METHOD") or "GET"
local first = tonumber(os.getenv("FIRST_USER") or "1")
local count = tonumber(os.getenv("USERS") or "10000")
local in_turn = os.getenv("IN_TURN") == "1"
local turn = 0
math.randomseed(os.time())
request = function()
  local n
  if in_turn then n = first + turn % count; turn = turn + 1 else n = first + math.random(0, count - 1) end
  return wrk.format(method, nil, { ["X-Mock-User-Id"] = string.format("user-%06d", n), ["Content-Type"] = "application/json",
                                   ["Authorization"] = os.getenv("AUTHORIZATION"),
                                   ["Accept-Encoding"] = os.getenv("ACCEPT_ENCODING"), ["If-None-Match"] = os.getenv("IF_NONE_MATCH") })
end
