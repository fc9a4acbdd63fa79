#!/usr/bin/env bash
# The user of Redis for this service: its own keys, and the commands that it sends. An administrator runs it, and makes it
# last by `redis-cli ACL SAVE` or by the same line in the ACL file:
#
#   PASSWORD=… deploy/redis/acl.sh -u rediss://admin@cache:6380
#
# To replace the password: run it with the new one, then replace the file of REDIS_URL. Only its hash is sent.
set -euo pipefail

REDIS_CLI=${REDIS_CLI:-redis-cli}
PREFIX=${PREFIX:-} # ESCALATION_TOPIC_PREFIX
hash=$(printf %s "${PASSWORD:?of the user}" | sha256sum | cut -d " " -f 1)

"$REDIS_CLI" "$@" ACL SETUSER "${NAME:-escalation}" reset on "#$hash" "~${PREFIX}escalation:*" -@all \
  +hset +hmget +hdel +expire +eval +del +get +set +pttl +exists +multi +exec +discard \
  +ping +info +auth +hello "+client|setinfo" "+client|setname"
