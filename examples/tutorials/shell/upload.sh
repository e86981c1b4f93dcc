#!/usr/bin/env bash
# Upload a folder and make a bundle of it; the bucket on the way is empty again afterwards. Needs the AWS command line.

hca dss upload --src-dir data/ --replica aws --staging-bucket upload-test-unittest

aws s3 rm s3://upload-test-unittest --recursive
