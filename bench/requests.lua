-- The requests that wrk makes. Its arguments are the method and the number of players. PLAYER in the
-- path stands for one of them, NUMBER for a number below theirs. Prints the counts as JSON.

local players

function init(args)
  wrk.method = args[1]
  players = tonumber(args[2])
  math.randomseed(1)
end

function request()
  local number = math.random(0, players - 1)
  return wrk.format(nil, (wrk.path:gsub("PLAYER", "p" .. number):gsub("NUMBER", number)))
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
