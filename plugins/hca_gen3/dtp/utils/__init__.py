"""The documented import path of ConfigLoader."""
