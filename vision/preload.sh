#!/bin/bash
# Fetches the wanted models into the Ollama at OLLAMA_HOST, and ends. Bash and the ollama command are
# all that the image has: no Python, no curl.
# Exit code 75: it may work later.
set -euo pipefail
patience=${PRELOAD_PATIENCE:-120}

until ollama list > /dev/null 2>&1; do
  if [ "$SECONDS" -ge "$patience" ]; then
    echo "preload: no answer from Ollama at ${OLLAMA_HOST:-127.0.0.1:11434} within ${patience}s" >&2
    exit 75
  fi
  sleep 1
done

# Ollama redraws one line over and over; a log wants a line for each tenth of the way.
progress() {
  tr '\r' '\n' | sed -u 's/\x1b\[[0-9;?]*[A-Za-z]//g' | awk -v name="$1" '
    { step = $0; if (match($0, /[0-9]+%/)) step = $1 " " int(substr($0, RSTART) / 10) * 10 "%"
      if (step ~ /[^[:space:]]/ && !(step in said)) { said[step]; print name ": " step; fflush() } }'
}

mapfile -t wanted < <(wanted.sh)
failed=()
for name in "${wanted[@]}"; do
  have=$(ollama list | awk 'NR > 1 { print $1 }')
  if grep -qxF "$name" <<< "$have"; then
    echo "$name: here already"
  elif ollama pull "$name" 2>&1 | progress "$name"; then
    echo "$name: ready"
  else
    failed+=("$name")
  fi
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "preload: could not fetch ${failed[*]}; is there a way to the registry, and are the names right?" >&2
  exit 75
fi
