"""What `make bench` is made of: contenders that take turns, servers for them, and one module for each group of rows."""
