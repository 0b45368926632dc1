#!/bin/sh
# The stack's few intents, for Make and for people. Everything is done by `docker compose`.
#
#   stack.sh up cpu,vision    build and start these profiles; stop what belongs to others
#   stack.sh phase1           plain Ollama on the adapter's port; `up` goes back
#   stack.sh down             stop everything; volumes stay
#   stack.sh verify           the checks of a healthy stack, as a table
#   stack.sh compose ARGS     docker compose with the stack's files and every profile
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
all="cpu gpu hpu vision monitoring phase1 calibrate"

services_of() { # of a profile
  case $1 in
    cpu | gpu | hpu) echo "adapter llm-$1 fetch-$1" ;;
    vision | phase1) echo "$1 $1-preload" ;;
    monitoring) echo "prometheus grafana" ;;
    calibrate) echo "calibrate-hpu fetch-hpu" ;;
    *) echo "unknown profile: $1; there are: $all" >&2; return 78 ;;
  esac
}

compose() { # profiles with commas, then compose's own arguments
  chosen=$1
  shift
  # Read in this order, so that .env can choose other versions.
  set -a
  # shellcheck source=/dev/null
  . "$here/versions.env"
  set +a
  for profile in $(echo "$chosen" | tr ',' ' '); do set -- --profile "$profile" "$@"; done
  # shellcheck disable=SC2086  # a command and its first argument
  ${DOCKER_COMPOSE:-docker compose} --project-directory "$here" -f "$here/compose.yaml" "$@"
}

need_compose() {
  # shellcheck disable=SC2086
  ${DOCKER_COMPOSE:-docker compose} version > /dev/null 2>&1 || {
    echo "error: \`docker compose\` does not work here. Install Docker Engine with its compose plug-in" >&2
    echo "    (docs.docker.com/engine/install), or use \`make serve\`, which needs no Docker." >&2
    exit 78
  }
}

every() { echo "$all" | tr ' ' ','; }

up() {
  wanted=""
  for profile in $(echo "$1" | tr ',' ' '); do wanted="$wanted $(services_of "$profile")"; done
  case " $wanted " in
    *" adapter "*" phase1 "*) echo "phase1 takes the adapter's port: choose one of them" >&2; exit 78 ;;
  esac
  # Compose leaves services of profiles that are no longer asked for running, and on their ports.
  stale=""
  for profile in $all; do
    for service in $(services_of "$profile"); do
      case " $wanted " in *" $service "*) ;; *) stale="$stale $service" ;; esac
    done
  done
  # shellcheck disable=SC2086
  [ -z "$stale" ] || compose "$(every)" rm --stop --force $stale
  # The adapter's settings name the vision Ollama only where there is one.
  case ",$1," in *,vision,*) file=./adapter.toml ;; *) file=./adapter.llm.toml ;; esac
  grep -qs '^ADAPTER_FILE=.' "$here/.env" || export ADAPTER_FILE="${ADAPTER_FILE:-$file}"
  # shellcheck disable=SC2086  # empty: nothing is built
  compose "$1" up --detach ${STACK_BUILD---build}
}

action=${1:-}
[ $# -eq 0 ] || shift
case $action in
  up | phase1 | down | compose) need_compose ;;
esac
case $action in
  up)
    sh "$here/tools/prepare.sh"
    up "${1:?which profiles? one of: $all}"
    ;;
  phase1)
    sh "$here/tools/prepare.sh"
    up phase1,vision
    ;;
  down) compose "$(every)" down --remove-orphans ;;
  verify) exec "${PYTHON:-python3}" "$here/tools/verify.py" "$@" ;;
  compose) compose "$(every)" "$@" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
