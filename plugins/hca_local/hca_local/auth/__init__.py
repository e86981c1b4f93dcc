"""The auth service of a local stack: users, groups, roles, policies, and who may do what."""
