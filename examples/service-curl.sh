#!/usr/bin/env bash
# The session service, asked with curl: log in, resolve, count, log out, resolve again, count.
#
#   npm start                                     in another terminal
#   examples/service-curl.sh [base URL]           by default http://127.0.0.1:8787
#
# A server with an API key reads it from SOJOURN_API_KEY, and so does this script.
set -euo pipefail

base=${1:-http://127.0.0.1:8787}
# A token of one's own: random, and so new in every run.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
failed=0

# ask <expected status> <expected body, or * for any> <curl arguments …>
ask() {
  local status=$1 body=$2 answer
  shift 2
  echo "\$ curl -i $*"
  answer=$(key_header | curl --silent --show-error --max-time 10 --config - --write-out ' %{http_code}' "$@")
  # The status comes last, so that what is before it is the body.
  local got_status=${answer##* } got_body=${answer% *}
  echo "  $got_status $got_body"
  # shellcheck disable=SC2053 # the expected body is a pattern
  if [[ $got_status != "$status" || $got_body != $body ]]; then
    echo "  expected $status $body" >&2
    failed=1
  fi
}

# On standard input, since the arguments of a process can be seen by other users of the machine.
key_header() {
  if [[ -n ${SOJOURN_API_KEY:-} ]]; then echo "header = \"authorization: Bearer $SOJOURN_API_KEY\""; fi
}

json='content-type: application/json'

echo "# Log in: the session starts, for 30 minutes unless the server was told otherwise."
ask 201 '"ok"' "$base/sessions" -H "$json" -d "{\"token\":\"$token\",\"user\":\"u_42\"}"
echo "# Whose token is it?"
ask 200 '"u_42"' "$base/sessions/$token"
echo "# How many sessions are live?"
ask 200 '[0-9]*' "$base/sessions"
echo "# Log out. It may be repeated."
ask 204 '' -X POST "$base/sessions/$token/logout"
ask 204 '' -X POST "$base/sessions/$token/logout"
echo "# The token is nobody's now: 404, and no body."
ask 404 '' "$base/sessions/$token"
echo "# It is not counted any more."
ask 200 '[0-9]*' "$base/sessions"
echo "# What is not a token, or not a login, is refused before the store is asked."
ask 400 '{"error":*}' "$base/sessions" -H "$json" -d '{"token":"","user":"u_42"}'
ask 400 '{"error":*}' "$base/sessions/%00"
ask 405 '{"error":*}' -X DELETE "$base/sessions/$token"

if [[ $failed != 0 ]]; then
  echo "Some answers are not what they should be." >&2
  exit 1
fi
