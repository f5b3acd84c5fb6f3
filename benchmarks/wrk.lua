-- Posts the bodies of a folder in turn; arguments: path, content type, folder, number of bodies, then names and values
-- of further headers. Prints one line of JSON: requests, microseconds, latencies in microseconds, failures.
local requests, turn = {}, 0

function init(arguments)
  local headers = { ["Content-Type"] = arguments[2] }
  for place = 5, #arguments, 2 do headers[arguments[place]] = arguments[place + 1] end
  for number = 0, tonumber(arguments[4]) - 1 do
    local file = assert(io.open(arguments[3] .. "/" .. number, "rb"))
    requests[#requests + 1] = wrk.format("POST", arguments[1], headers, file:read("*a"))
    file:close()
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "bad_status": %d, "lost": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
