#!/usr/bin/env bash
# Ask how a checkout job goes, and where the copy is.

hca dss get-bundles-checkout --replica aws --checkout-job-id $CHECKOUT_JOB_ID
