#!/usr/bin/env bash
# Forget the stored token.

hca dss logout
