"""What stands behind the ports, each package named after it. Law: unaware of each other; each SDK has one door."""
