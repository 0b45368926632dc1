#!/bin/sh
# Makes what compose.yaml needs and is not in the checkout: .env, and a file for every secret.
# A secret is mounted as it is, so uid 10001 has to be able to read it (0644, so that its owner can fill
# it in); its folder lets nobody but the owner in. Run it as often as you like: nothing that exists is changed, but for the modes.
set -eu
cd "$(dirname "$0")/.."

if [ ! -e .env ]; then
  cp .env.example .env
  echo "made compose/.env from .env.example: look into it"
fi

mkdir -p secrets
chmod 700 secrets
for name in hf_token s3_access_key_id s3_secret_access_key s3_session_token grafana_password rag_db_password; do
  file=secrets/$name
  if [ ! -e "$file" ]; then
    case $name in
      hf_token) printf '%s' "${HF_TOKEN:-${HUGGINGFACEHUB_API_TOKEN:-}}" > "$file" ;;
      grafana_password | rag_db_password) od -An -N18 -tx1 /dev/urandom | tr -d ' \n' > "$file" ;;
      *) : > "$file" ;;
    esac
  fi
  chmod 644 "$file"
done
