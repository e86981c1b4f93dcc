#!/usr/bin/env bash
# Find all bundles, and show the first page.

hca dss post-search --replica aws --es-query {} --no-paginate
