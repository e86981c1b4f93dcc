#!/usr/bin/env bash
# Delete a version of a bundle; needs the right to.

hca dss delete-bundle --reason test --replica gcp --uuid 98f6c379-cb78-4a61-9310-f8cc0341c0eb --version 2019-08-02T202456.025543Z
