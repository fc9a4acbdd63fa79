"""The files of deploy/, the image's settings and what the repository says of itself."""
