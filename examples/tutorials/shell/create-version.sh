#!/usr/bin/env bash
# A new version, to be given to a file or a bundle.

hca dss create-version
