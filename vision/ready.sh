#!/bin/sh
# Succeeds when the Ollama on this machine has every model that is wanted; else says what is missing.
set -eu
export OLLAMA_HOST=127.0.0.1:11434
have=$(ollama list | awk 'NR > 1 { print $1 }')
missing=$(wanted.sh | while read -r name; do
  printf '%s\n' "$have" | grep -qxF "$name" || printf ' %s' "$name"
done)
[ -z "$missing" ] || { echo "not yet here:$missing"; exit 1; }
