"""The documented import path of IRODSAPI."""
