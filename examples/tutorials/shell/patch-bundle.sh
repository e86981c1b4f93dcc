#!/usr/bin/env bash
# Make a new version of a bundle with files added or removed; here, with neither.

hca dss patch-bundle --replica aws --uuid 98f6c379-cb78-4a61-9310-f8cc0341c0eb --version 2019-08-02T202456.025543Z
