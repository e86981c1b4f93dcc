"""The OpenID provider of a local stack: accounts, sign-in pages and tokens."""
