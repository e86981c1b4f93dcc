"""The documented import path of Downloader."""
