"""`replay`: packages made again on purpose. The files: command (the options), view (text and JSON)."""
