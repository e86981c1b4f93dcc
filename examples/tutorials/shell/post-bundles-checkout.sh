#!/usr/bin/env bash
# Ask for a copy of a bundle; the answer has the id of the checkout job.

hca dss post-bundles-checkout --replica aws --uuid fff746b3-e3eb-496a-88a3-5fa1fa358392
