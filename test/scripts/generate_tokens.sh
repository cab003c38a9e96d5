#!/usr/bin/env bash
# Makes test/fixtures/tokens.json: one token per player, in the order of users.json.
#   MOCK_MODE=true test/scripts/generate_tokens.sh [--users N]     unsigned tokens, for services that validate none
#   AGS_BASE_URL=... AGS_CLIENT_ID=... AGS_CLIENT_SECRET=... AGS_NAMESPACE=... test/scripts/generate_tokens.sh
#                          an access token of that OAuth client (client credentials), the same one for every player
# Exit status: as gauntlet's; 2 a variable is missing; 1 AGS gave no token.
set -euo pipefail
gauntlet=$(dirname "$0")/gauntlet
if [[ ${MOCK_MODE:-} == true ]]; then exec "$gauntlet" fixtures tokens "$@"; fi

for name in AGS_BASE_URL AGS_CLIENT_ID AGS_CLIENT_SECRET AGS_NAMESPACE; do
  [[ -n ${!name:-} ]] || { echo "generate_tokens.sh: $name is not set; for mock tokens: MOCK_MODE=true $0" >&2; exit 2; }
done
# The credentials go through standard input, not the command line, which others can read.
escaped() { local text=${1//\\/\\\\}; printf '%s' "${text//\"/\\\"}"; }
if ! answer=$(printf 'user = "%s:%s"\n' "$(escaped "$AGS_CLIENT_ID")" "$(escaped "$AGS_CLIENT_SECRET")" |
  curl -fsS --max-time 20 --config - --data grant_type=client_credentials "${AGS_BASE_URL%/}/iam/v3/oauth/token"); then
  echo "generate_tokens.sh: $AGS_BASE_URL gave no token; check AGS_BASE_URL, AGS_CLIENT_ID and AGS_CLIENT_SECRET" >&2; exit 1
fi
if ! token=$(jq -er .access_token <<<"$answer"); then
  echo "generate_tokens.sh: the answer of $AGS_BASE_URL holds no access_token" >&2; exit 1
fi
exec "$gauntlet" fixtures tokens --token-from-stdin --namespace "$AGS_NAMESPACE" "$@" <<<"$token"
