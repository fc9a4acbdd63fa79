#!/usr/bin/env bash
# The rights at Kafka, for kafka-acls.sh of Apache Kafka. An administrator of the cluster runs it; again changes nothing:
#
#   BOOTSTRAP=broker:9093 COMMAND_CONFIG=admin.properties deploy/kafka/acls.sh
#
# Who needs what:
#   OWNER     `escalation-consumer prepare`: makes the topics
#   SERVICE   `run`, and every command but those below
#   OPERATOR  `load`, `tenant set`, `feedback` and `rewind`: write into the topics that others write to, move the group
# Producers of the input topics and readers of the output topics get their rights from their own teams.
set -euo pipefail

KAFKA_ACLS=${KAFKA_ACLS:-kafka-acls.sh}
BOOTSTRAP=${BOOTSTRAP:?the brokers, as host:port}
PREFIX=${PREFIX:-} # ESCALATION_TOPIC_PREFIX
GROUP=${GROUP:-escalation-consumer} # ESCALATION_CONSUMER_GROUP
OWNER=${OWNER:-User:escalation-owner}
SERVICE=${SERVICE:-User:escalation-service}
OPERATOR=${OPERATOR:-User:escalation-operator}

live="session-state-changed escalation-requested escalation-package-feedback escalation-tenant-policy"
replay="session-state-changed.replay escalation-requested.replay"
written="escalation-package-ready escalation-package-failed session-state-changed.dlq escalation-requested.dlq
  escalation-package-feedback.dlq escalation-tenant-policy.dlq"
position="escalation-relay-position" # a topic without records: the relay's place stands in its offsets
relay="escalation-relay" # the relay's group, and its transactional id

# allow PRINCIPAL "OPERATION …" --topic|--group|--transactional-id NAME…
allow() {
  local arguments=(--allow-principal "$1") kind=$3 operation name
  for operation in $2; do arguments+=(--operation "$operation"); done
  for name in "${@:4}"; do arguments+=("$kind" "$PREFIX$name"); done
  "$KAFKA_ACLS" --bootstrap-server "$BOOTSTRAP" ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} \
    --add "${arguments[@]}"
}

# shellcheck disable=SC2086 # the lists are words
{
  allow "$OWNER" "Create Describe DescribeConfigs" --topic $live $replay $written $position

  allow "$SERVICE" "Read DescribeConfigs" --topic $live $replay $position
  allow "$SERVICE" "Read Write DescribeConfigs" --topic $written
  allow "$SERVICE" "Write" --topic escalation-tenant-policy # policies that are set in the console
  allow "$SERVICE" "Read" --group "$GROUP" "$relay"
  allow "$SERVICE" "Write Describe" --transactional-id "$relay"

  allow "$OPERATOR" "Read Write DescribeConfigs" --topic $live $replay
  allow "$OPERATOR" "Read" --topic $written
  allow "$OPERATOR" "Read" --group "$GROUP"
}
