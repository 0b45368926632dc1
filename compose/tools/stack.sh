#!/bin/sh
# The stack's few intents, for Make and for people. Everything is done by `docker compose`.
#
#   stack.sh up cpu,vision    build and start these profiles; stop other engines and what they replace
#   stack.sh phase1 [vision]  plain Ollama on the adapter's port; `up` goes back
#   stack.sh down             stop everything; volumes stay
#   stack.sh verify           the checks of a healthy stack, as a table
#   stack.sh compose ARGS     docker compose with the stack's files and every profile
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
all="cpu gpu hpu vision rag rag-split monitoring phase1 calibrate"
split="rag-db rag-chatqna rag-dataprep rag-retriever rag-embedding rag-reranker rag-llm"
official="rag-db prometheus grafana" # images that are not built here

refuse() {
  echo "error: $1" >&2
  exit 78
}

services_of() { # of a profile
  case $1 in
    cpu | gpu | hpu) echo "adapter llm-$1 fetch-$1" ;;
    vision | phase1) echo "$1 $1-preload" ;;
    rag) echo rag ;;
    rag-split) echo "$split" ;;
    monitoring) echo "prometheus grafana" ;;
    calibrate) echo "calibrate-hpu fetch-hpu" ;;
    *) refuse "unknown profile: $1; there are: $all" ;;
  esac
}

compose() { # profiles with blanks, then compose's own arguments
  chosen=$1
  shift
  for profile in $chosen; do set -- --profile "$profile" "$@"; done
  [ ! -e "$here/compose.override.yaml" ] || set -- -f "$here/compose.override.yaml" "$@"
  set -- -f "$here/compose.yaml" "$@"
  # The later file wins, so .env can choose other versions; the caller's environment wins over both.
  [ ! -e "$here/.env" ] || set -- --env-file "$here/.env" "$@"
  set -- --project-directory "$here" --env-file "$here/versions.env" "$@"
  # shellcheck disable=SC2086  # a command and its first argument
  ${DOCKER_COMPOSE:-docker compose} "$@"
}

need_compose() {
  # shellcheck disable=SC2086
  ${DOCKER_COMPOSE:-docker compose} version > /dev/null 2>&1 || {
    echo "error: \`docker compose\` does not work here. Install Docker Engine with its compose plug-in" >&2
    echo "    (docs.docker.com/engine/install), or use \`make serve\`, which needs no Docker." >&2
    exit 78
  }
}

# Sets `profiles`, `wanted` and `stale` (services), `front` (who has the adapter's port) and `file` (the
# adapter's settings, which name only what there is). Ends with 78.
choose() { # profiles with commas or blanks
  profiles="" wanted="" stale="" front="" documents="" file=./adapter.llm.toml kept="prometheus grafana"
  for profile in $(echo "$1" | tr ',' ' '); do
    case " $profiles " in *" $profile "*) continue ;; esac
    services=$(services_of "$profile")
    case $profile in
      cpu | gpu | hpu | phase1)
        [ -z "$front" ] || refuse "$front and $profile want the same port: choose one of them"
        front=$profile
        ;;
      rag | rag-split)
        [ -z "$documents" ] || refuse "rag and rag-split want the same port: choose one of them"
        documents=$profile
        ;;
    esac
    profiles="$profiles $profile"
    wanted="$wanted $services"
  done
  [ -n "$profiles" ] || refuse "which profiles? there are: $all"
  [ -z "$documents" ] || [ -n "$front" ] ||
    refuse "$documents needs the adapter before it: choose one of cpu, gpu, hpu and phase1, too"
  case " $profiles " in
    *" vision "*) file=./adapter${documents:+.rag}.toml ;;
    *)
      [ -z "$documents" ] || [ "$front" = phase1 ] || [ -n "$(setting ADAPTER_FILE)" ] ||
        refuse "$documents needs a model that makes vectors: choose vision, too, or name settings of
    your own with such an engine in ADAPTER_FILE (compose/.env)"
      ;;
  esac
  # Whoever uses them still has them.
  if [ "$front" = phase1 ]; then
    kept="$kept vision vision-preload"
    [ -n "$documents" ] || kept="$kept rag $split"
  fi
  # Compose leaves services of profiles that are no longer asked for running, and on their ports.
  for profile in $all; do
    for service in $(services_of "$profile"); do
      case " $wanted $kept $stale " in *" $service "*) ;; *) stale="$stale $service" ;; esac
    done
  done
}

setting() { # in the environment, else in .env
  printenv "$1" || sed -n "s/^$1=//p" "$here/.env" 2> /dev/null | tail -n 1 |
    sed "s/[[:space:]]#.*//; s/[[:space:]]*$//; s/^[\"']//; s/[\"']$//"
}

listening() { # whether any program is, on that port, as Linux tells it in hexadecimal
  cat /proc/net/tcp /proc/net/tcp6 2> /dev/null | awk -v port="$(printf ':%04X' "$1")" '
    $4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

# Docker's own words for a port that is taken don't say what to do.
failed() { # the exit code of compose
  project=$(setting COMPOSE_PROJECT_NAME)
  while read -r service variable port; do
    case " $wanted " in *" $service "*) ;; *) continue ;; esac
    chosen=$(setting "$variable")
    port=${chosen:-$port}
    ours=$(docker ps --quiet --filter "label=com.docker.compose.project=${project:-ollama-vllm}" \
      --filter "publish=$port" 2> /dev/null) || continue
    if [ -z "$ours" ] && listening "$port"; then
      refuse "port $port is taken by another program: stop it, or set $variable in compose/.env"
    fi
  done << EOF
adapter ADAPTER_PORT 11434
phase1 ADAPTER_PORT 11434
vision VISION_PORT 11435
rag CHATQNA_PORT 8888
rag DATAPREP_PORT 6007
rag-chatqna CHATQNA_PORT 8888
rag-dataprep DATAPREP_PORT 6007
prometheus PROMETHEUS_PORT 9090
grafana GRAFANA_PORT 3001
EOF
  exit "$1"
}

# What can fail for want of a network comes before anything is stopped.
up() {
  choose "$1"
  [ -n "$(setting ADAPTER_FILE)" ] || export ADAPTER_FILE="$file"
  if [ "$front" = phase1 ] && [ -z "$(setting PHASE1_MODELS)" ]; then
    echo "warning: PHASE1_MODELS is empty in compose/.env: Ollama gets the models of vision/models.txt" >&2
    echo "    only, and none for language" >&2
  fi
  if [ "${STACK_BUILD-yes}" ]; then
    compose "$profiles" build
    pulled=""
    for service in $official; do
      case " $wanted " in *" $service "*) pulled="$pulled $service" ;; esac
    done
    # shellcheck disable=SC2086  # several services
    [ -z "$pulled" ] || compose "$profiles" pull --policy missing $pulled
  fi
  # shellcheck disable=SC2086  # several services
  compose "$all" rm --stop --force $stale
  compose "$profiles" up --detach --no-build || failed $?
}

action=${1:-}
[ $# -eq 0 ] || shift
case $action in
  up | phase1 | down | compose) need_compose ;;
esac
case $action in
  up)
    choose "$*"
    sh "$here/tools/prepare.sh"
    up "$*"
    ;;
  phase1)
    choose "phase1 $*"
    sh "$here/tools/prepare.sh"
    up "phase1 $*"
    ;;
  down) compose "$all" down --remove-orphans ;;
  verify) exec "${PYTHON:-python3}" "$here/tools/verify.py" "$@" ;;
  compose) compose "$all" "$@" ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
