#!/usr/bin/env bash
# Store an access token, which the following commands then use.

hca dss login --access-token test
