-- wrk: walk the targets of the file named in TARGETS, each connection from its own place. METHOD, BODY and HEADER
-- ("Name: value") are those of each request. With TRACED, so many requests one after another are one trace.
local targets = {}
for line in io.lines(os.getenv("TARGETS")) do targets[#targets + 1] = line end
local method, body = os.getenv("METHOD") or "GET", os.getenv("BODY")
wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")
if body then wrk.headers["Content-Type"] = "application/json" end
local name, value = (os.getenv("HEADER") or ""):match("^([^:]+): (.*)$")
if name then wrk.headers[name] = value end
local traced = tonumber(os.getenv("TRACED") or "0")
local at, asked = 0, 0
function init() at = math.random(#targets) end
function request()
  at = at % #targets + 1
  if traced > 0 then
    asked = asked + 1
    wrk.headers["X-Fanin-Trace"] = "trace " .. math.floor(asked / traced)
  end
  return wrk.format(method, targets[at], nil, body)
end
