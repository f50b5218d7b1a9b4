-- wrk: walk the targets of the file named in TARGETS, each connection from its own place.
local targets = {}
for line in io.lines(os.getenv("TARGETS")) do targets[#targets + 1] = line end
local token = os.getenv("TOKEN")
wrk.headers["Authorization"] = "Bearer " .. token
local at = 0
function init() at = math.random(#targets) end
function request()
  at = at % #targets + 1
  return wrk.format("GET", targets[at])
end
