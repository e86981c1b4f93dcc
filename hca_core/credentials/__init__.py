"""Who the user is, for which service, and where that was found."""
