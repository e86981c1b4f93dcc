#!/usr/bin/env bash
# Print a file.

hca dss get-file --replica aws --uuid 666ff3f0-67a1-4ead-82e9-3f96a8c0a9b1
