"""What the project is made of: locks, licences, advisories, the bill of materials, the images and their digests.

`locks` reads the lock files; `licences` holds them against deploy/supply/licences.toml; `audit` asks for advisories;
`bill` writes the bill of materials of the image; `images` pins images by digest.
"""
