#!/usr/bin/env bash
# Fetch the API description again.

hca dss refresh-swagger
