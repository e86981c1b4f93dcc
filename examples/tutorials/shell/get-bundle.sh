#!/usr/bin/env bash
# Show a version of a bundle and its files.

hca dss get-bundle --replica aws --uuid fff746b3-e3eb-496a-88a3-5fa1fa358392 --version 2019-08-01T200147.130156Z
