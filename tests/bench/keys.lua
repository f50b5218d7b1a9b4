-- wrk: walk the targets of the file named in TARGETS, each connection from its own place. With TRACED, so many requests
-- one after another are one trace.
local targets = {}
for line in io.lines(os.getenv("TARGETS")) do targets[#targets + 1] = line end
local token = os.getenv("TOKEN")
wrk.headers["Authorization"] = "Bearer " .. token
local traced = tonumber(os.getenv("TRACED") or "0")
local at, asked = 0, 0
function init() at = math.random(#targets) end
function request()
  at = at % #targets + 1
  if traced > 0 then
    asked = asked + 1
    wrk.headers["X-Fanin-Trace"] = "trace " .. math.floor(asked / traced)
  end
  return wrk.format("GET", targets[at])
end
