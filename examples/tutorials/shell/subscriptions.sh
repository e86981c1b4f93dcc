#!/usr/bin/env bash
# Subscribe to bundles, list and show subscriptions, and end one. Needs jq.

instance_info=$(hca dss put-subscription --callback-url https://localhost/dcp-cli-tutorials-put-get-delete-sub --replica aws)

ID=`echo ${instance_info} | jq -r '.uuid'`

echo $ID

hca dss get-subscriptions --replica aws

hca dss get-subscription --replica aws --uuid $ID

hca dss delete-subscription --replica aws --uuid $ID
