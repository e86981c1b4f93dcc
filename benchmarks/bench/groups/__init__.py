"""The groups of rows; each module has a function `rows(place)` that measures and yields them."""
