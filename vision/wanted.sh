#!/bin/sh
# Prints the models that are wanted, one a line: WANTED_MODELS (separated by blanks), else the file.
# A name without a tag gets :latest, as `ollama list` prints it.
set -eu
if [ -n "${WANTED_MODELS:-}" ]; then
  echo "$WANTED_MODELS" | tr -s '[:space:]' '\n' | sed '/^$/d'
else
  sed 's/#.*//; s/[[:space:]]//g; /^$/d' "${WANTED_FILE:-/etc/ollama/models.txt}"
fi | sed '/:/!s/$/:latest/'
