-- wrk: claims the first goal of each of 10 challenges, player after player.
local turn = 0
request = function()
  local player, challenge = 1 + math.floor(turn / 10), 1 + turn % 10
  turn = turn + 1
  local path = string.format("/challenge/v1/challenges/challenge-%03d/goals/challenge-%03d-goal-01/claim", challenge, challenge)
  return wrk.format("POST", path, { ["X-Mock-User-Id"] = string.format("user-%06d", player) })
end
